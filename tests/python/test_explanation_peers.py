"""Maps against those of captum and pytorch-grad-cam, of the same network in PyTorch.

`make test-backends` installs them.
"""

import keras
import numpy as np
import pytest

from reticnn import explain_prediction
from reticnn.runtime.randomness import generator

if keras.backend.backend() != "torch":
    pytest.skip("these are packages for PyTorch", allow_module_level=True)

SIDE = 12

# Of the range of a map.
_CLOSE = 1e-4


@pytest.fixture(scope="module")
def model():
    """A network from images to scores, whose feature maps all count."""
    keras.utils.set_random_seed(7)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(x)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="second")(x)
    x = keras.layers.Dense(6, activation="tanh")(keras.layers.Flatten()(x))
    # Steep, as pytorch-grad-cam adds 1e-6 to what Grad-CAM++ divides by.
    scores = keras.layers.Dense(3, kernel_initializer=keras.initializers.Orthogonal(50))
    return keras.Model(image, scores(x))


@pytest.fixture(scope="module")
def pixels():
    drawn = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3))
    return drawn.astype("float32")


def _explain(model, pixels, method, **settings):
    return explain_prediction(
        model, pixels, "class_2", method, output="logits", **settings
    ).maps


def _tensor(pixels):
    return keras.ops.convert_to_tensor(pixels).detach().requires_grad_()


def _numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def _check(found, expected):
    difference = abs(found - expected).max(axis=(1, 2)) / np.ptp(expected, axis=(1, 2))
    assert (difference < _CLOSE).all(), difference


@pytest.mark.parametrize(
    ("method", "peer"),
    [
        ("grad_cam", "GradCAM"),
        ("grad_cam++", "GradCAMPlusPlus"),
        ("layer_cam", "LayerCAM"),
    ],
)
@pytest.mark.parametrize("layer", ["first", "second"])
def test_class_activation_maps(model, pixels, method, peer, layer):
    cams = pytest.importorskip("pytorch_grad_cam")
    targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")
    found = _explain(model, pixels, method, layer=layer)

    def channels_first(maps):
        return maps.permute(0, 3, 1, 2)

    wanted = [targets.ClassifierOutputTarget(1)] * len(pixels)
    with getattr(cams, peer)(
        model, [model.get_layer(layer)], reshape_transform=channels_first
    ) as cam:
        # It takes the size of images from the last two axes.
        cam.get_target_width_height = lambda images: (SIDE, SIDE)
        expected = cam(_tensor(pixels), wanted)
    low = found.min(axis=(1, 2), keepdims=True)
    _check((found - low) / np.ptp(found, axis=(1, 2), keepdims=True), expected)


@pytest.mark.parametrize("baseline", [0, 100])
def test_integrated_gradients(model, pixels, baseline):
    attr = pytest.importorskip("captum.attr")
    found = _explain(
        model, pixels, "integrated_gradients", samples=40, baseline=baseline
    )
    expected = attr.IntegratedGradients(model).attribute(
        _tensor(pixels), baseline, target=1, n_steps=40, method="gausslegendre"
    )
    _check(found, _numbers(expected).sum(axis=-1))


def test_gradients_with_the_same_noise(model, pixels):
    attr = pytest.importorskip("captum.attr")
    saliency = attr.Saliency(model)
    plain = saliency.attribute(_tensor(pixels), target=1)
    _check(_explain(model, pixels, "gradient"), _numbers(plain).max(axis=-1))
    found = _explain(model, pixels, "smooth_grad", samples=4, noise=0.2, seed=9)
    ranges = np.ptp(pixels, axis=(1, 2, 3), keepdims=True)
    slopes = []
    for sample in range(4):
        drawn = [
            generator(9, at, sample).standard_normal(pixels.shape[1:], "float32")
            for at in range(len(pixels))
        ]
        noisy = _tensor(pixels + 0.2 * ranges * np.stack(drawn))
        slopes.append(_numbers(saliency.attribute(noisy, target=1, abs=False)))
    _check(found, abs(np.mean(slopes, axis=0)).max(axis=-1))


@pytest.mark.parametrize(("patch", "stride"), [(4, 4), (4, 2), (3, 3)])
def test_occlusion(model, pixels, patch, stride):
    attr = pytest.importorskip("captum.attr")
    found = _explain(
        model, pixels, "occlusion", patch_size=patch, stride=stride, baseline=50
    )
    expected = attr.Occlusion(model).attribute(
        _tensor(pixels),
        sliding_window_shapes=(patch, patch, 3),
        strides=(stride, stride, 3),
        baselines=50,
        target=1,
    )
    # The same number in all channels.
    _check(found, _numbers(expected).mean(axis=-1))
