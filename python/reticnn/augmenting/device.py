"""Apply a policy to batches of tensors, with Keras's backend.

No part loops over images, and all shapes except the batch size are constants, so that a
compiler can reduce the whole to a few passes over memory.
"""

import platform
from functools import lru_cache

import numpy as np

from reticnn.augmenting.random_numbers import folded
from reticnn.runtime.backend import keras

ops = keras.ops


def apply(policy, images, seed, epoch, indices):
    """Return augmented images, by a function compiled once for each shape.

    Args:
        policy: Policy.
        images: Tensor, (n, height, width, channels), values 0 to 255, of known shape
            except n.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0, or an int32 scalar tensor.
        indices: Indices of the images in the data, int32, (n,), which with seed and
            epoch decide what happens to each.

    Returns:
        Tensor, float32, (n, *policy.output_shape(image_shape)).

    Raises:
        ValueError: If the policy cannot be applied to images of that shape.
    """
    image_shape = tuple(images.shape[1:])
    policy.check(image_shape)
    images = ops.cast(images, "float32")
    if not any(policy.parts(image_shape[2])):
        return images
    seed = np.uint32(folded(seed)).astype("int32")
    arguments = seed, ops.cast(epoch, "int32"), ops.cast(indices, "int32")
    draw, change = _compiled(policy, image_shape)
    results = change(images, draw(*map(ops.convert_to_tensor, arguments)))
    # In a TensorFlow graph, the result of a compiled function has no static shape.
    return ops.reshape(results, (-1, *policy.output_shape(image_shape)))


@lru_cache(maxsize=32)
def _compiled(policy, image_shape):
    """Return two functions for images of a shape, compiled where that can be.

    The first is of (seed, epoch, indices) and gives the parameters of each pass, the
    second of images and these. In one, a compiler would compute the few parameters
    again for each of the many pixels. TensorFlow's and JAX's compilers make them
    several times as fast; torch has none that does without one for C++ on the user's
    machine.
    """
    passes = policy.parts(image_shape[2])

    def draw(seed, epoch, indices):
        return policy.draw(ops, seed, epoch, indices, image_shape)

    def change(images, drawn):
        for parts, parameters in zip(passes, drawn, strict=True):
            images = _one_pass(parts, images, parameters)
        return images

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(draw), jax.jit(change)
    if backend == "tensorflow":
        import tensorflow

        compiled = tensorflow.function(
            autograph=False, jit_compile=_has_compiler(tensorflow)
        )
        return compiled(draw), compiled(change)
    return draw, change


def _has_compiler(tensorflow):
    """Return whether TensorFlow can compile; on Apple's GPUs it cannot."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    return not (gpus and platform.system() == "Darwin")


def _one_pass(parts, images, parameters):
    """Return images after one pass."""
    if not parts:
        return images
    for part, constants in parts.items():
        images = part.on_device(ops, images, parameters, constants)
    return ops.clip(images, 0, 255)
