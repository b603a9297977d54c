"""Augmentation as a Keras layer."""

from reticnn.augmenting import device
from reticnn.augmenting.policy import Policy
from reticnn.augmenting.sequence import as_policy
from reticnn.coercion import as_seed, shown
from reticnn.runtime.backend import keras

ops = keras.ops


def augmentation_layer(policy, *, seed=None):
    """Make a Keras layer that augments images during training only.

    The layer goes into a model, before the layers that learn, or into the `map` of a
    `tf.data` pipeline, called with `training=True`. It runs on the model's device,
    including a GPU, and is saved with the model.

    The layer counts the images over all its training calls, and each has its own random
    numbers: with the same seed, the first batch equals what `augment()` returns, except
    for rounding to whole numbers, and the next batch continues where that one ended,
    also if several devices share the batches. A map that runs in parallel counts its
    calls in the order in which they arrive.

    Args:
        policy: Policy, from `augmentation()` or another function that makes one, or a
            list of them, applied in sequence.
        seed: Whole number of at least 0 that fixes the result, kept with the layer, or
            None for a new one each time. Default None.

    Returns:
        Keras layer. It takes images of known size, 0 to 255, (batch, height, width,
        channels) or one image without the batch axis, and returns floats, 0 to 255. So
        that the results always have the same size, a crop in pixels is also made
        outside training, from the centre; instead of a crop with a `size`, the largest
        central part with that aspect ratio is resized to it.

    Raises:
        TypeError: If `policy` is not a policy.
        ValueError: If `seed` is negative, or the policy has `jpeg_compression`; when
            the layer is called, if the policy cannot be applied to such images.

    Example:
        >>> policy = augmentation(rotation=0.1, flip="horizontal")
        >>> x = inputs = keras.Input((32, 32, 3))
        >>> x = augmentation_layer(policy, seed=1)(x)
        >>> x = conv_block(x, 64)
    """
    return AugmentationLayer(policy, seed=seed)


@keras.saving.register_keras_serializable(package="reticnn")
class AugmentationLayer(keras.Layer):
    """The layer of `augmentation_layer()`."""

    def __init__(self, policy, *, seed=None, **options):
        """Take a policy and a seed, and the name and dtype of any Keras layer."""
        # Half precision would round the values: they are computed as float32.
        super().__init__(**{"autocast": False, **options})
        self.policy = as_policy(policy)
        _check_on_device(self.policy)
        self.seed = as_seed(seed)

    def build(self, input_shape):
        """Check that the policy can be applied, and begin to count."""
        self.policy.check(_image_shape(input_shape))
        self.images_seen = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            name="images_seen",
        )

    def call(self, images, training=None):
        """Return augmented images in training, else as they are."""
        batch = images if len(images.shape) == 4 else images[None]
        batch = self._augmented(batch) if training else self._as_they_are(batch)
        results = batch if len(images.shape) == 4 else batch[0]
        return ops.cast(results, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Return (batch, height, width, channels) of the results."""
        batch = tuple(input_shape[:-3])
        return (*batch, *self.policy.output_shape(_image_shape(input_shape)))

    def get_config(self):
        """Return what makes the layer again."""
        return {
            **super().get_config(),
            "policy": self.policy.to_config(),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """Return the layer whose `get_config()` this is."""
        return cls(**{**config, "policy": Policy.from_config(config["policy"])})

    def _augmented(self, batch):
        count = ops.shape(batch)[0]
        before, together = _across_devices(count)
        seen = ops.convert_to_tensor(self.images_seen)
        indices = seen + before + ops.arange(count, dtype="int32")
        self.images_seen.assign(seen + together)
        return device.apply(self.policy, batch, self.seed, 0, indices)

    def _as_they_are(self, batch):
        height, width = batch.shape[1:3]
        tall, wide, _ = self.policy.output_shape(tuple(batch.shape[1:]))
        if self.policy.takes_any_size and (tall, wide) != (height, width):
            return ops.image.resize(
                ops.cast(batch, "float32"),
                (tall, wide),
                crop_to_aspect_ratio=True,
                antialias=True,
                data_format="channels_last",
            )
        top, left = (height - tall) // 2, (width - wide) // 2
        return batch[:, top : top + tall, left : left + wide]


def _check_on_device(policy):
    """Raise if only the host can do what a policy does."""
    for part in (part for parts in policy.parts(3) for part in parts):
        if part.on_device is None:
            raise ValueError(
                f"`policy` has `{part.name}`, which `augmentation_layer` cannot do on "
                "the model's device. Leave it out, or give the policy to `augment()` "
                "or `fit_classifier()`, which use the processor."
            )


def _image_shape(input_shape):
    """Return (height, width, channels) of the images, or raise if it is not known."""
    image_shape = tuple(input_shape[-3:])
    if len(input_shape) not in (3, 4) or None in image_shape:
        raise ValueError(
            "`augmentation_layer` needs images of a known size, (batch, height, width, "
            f"channels), not {shown(list(input_shape))}. Resize them before it, or "
            "give the size in `keras.Input()`."
        )
    return image_shape


def _across_devices(count):
    """Return how many images of a batch come before this device's, and all there are.

    TensorFlow runs a layer on each device with its part of the batch, in order. Other
    backends, and a pipeline of data, have the whole batch.
    """
    if keras.backend.backend() != "tensorflow":
        return 0, count
    import tensorflow as tf

    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return 0, count
    device = replicas.replica_id_in_sync_group
    # As floats: GPUs do not add up every kind of whole number.
    own = tf.one_hot(device, replicas.num_replicas_in_sync) * tf.cast(count, "float32")
    counts = tf.cast(replicas.all_reduce("SUM", own), "int32")
    return tf.reduce_sum(counts[:device]), tf.reduce_sum(counts)
