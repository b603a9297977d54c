"""Train on several devices at once, each with its part of every batch.

Keras wants the variables of a model to be made for the devices it will be trained on.
Models here exist already, so their variables, and those of the optimizer and of the
metrics, are moved to the devices before training and back after it: callbacks see the
user's own model throughout.
"""

import contextlib
import functools
import json
import os

import numpy as np

from reticnn.coercion import as_int, as_strings, nearest, shown
from reticnn.graph import own_methods
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import (
    clipping_left_to_us,
    clips,
    follow_variables,
    innermost,
    key_of,
    make_anew,
    mean_loss,
    mirrored_strategy,
    set_layout,
)
from reticnn.training.compiling import build_optimizer, forget_functions

# What takes the place of these here would not do what the model does.
_OWN_STEPS = (
    "compute_loss",
    "fit",
    "make_train_function",
    "train_step",
    "make_test_function",
    "test_step",
)


def as_devices(distribute):
    """Return the names of the devices to train on, or nothing for Keras's own choice.

    Args:
        distribute: `"auto"`, `"none"`, a number of devices, or names of devices.
    """
    backend = keras.backend.backend()
    if distribute == "none":
        return []
    if backend == "tensorflow":
        _check_no_other_hosts()
    if distribute == "auto":
        return _automatic_devices(backend)
    if backend == "torch":
        raise ValueError(
            f"`distribute` is {shown(distribute)}, but under torch Keras trains on one "
            "device. Use TensorFlow or JAX (the environment variable KERAS_BACKEND), "
            'or `distribute="none"`.'
        )
    if _process_count() > 1:
        raise ValueError(
            f"`distribute` is {shown(distribute)}, but this process is one of "
            f"{_process_count()} that train together, on all their devices. Use "
            '"auto", or "none" to train alone.'
        )
    return _chosen_devices(distribute, keras.distribution.list_devices())


def _automatic_devices(backend):
    """Return all GPUs if there are several; of several processes, all devices."""
    if backend == "torch":
        return []
    devices = keras.distribution.list_devices()
    gpus = len(devices) > 1 and devices[0].startswith("gpu")
    return devices if gpus or _process_count() > 1 else []


def _chosen_devices(distribute, known):
    """Return devices by number or by name."""
    if isinstance(distribute, str) or np.ndim(distribute) > 0:
        names = [name.lower() for name in as_strings(distribute, "distribute")]
        if set(names) <= set(known) and len(set(names)) == len(names):
            return names
        near = nearest(distribute, ["auto", "none"])
        raise ValueError(
            '`distribute` must be "auto", "none", a number of devices, or different '
            f"names among {shown(known)}, not {shown(distribute)}.{near}"
        )
    count = as_int(distribute, "distribute")
    if count > len(known):
        raise ValueError(
            f"`distribute` asks for {count} devices, but there "
            f"{'is' if len(known) == 1 else 'are'} {len(known)}: {shown(known)}."
        )
    return known[:count]


def _check_no_other_hosts():
    """Raise if TensorFlow is one of several workers, which Keras 3 does not support."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
    except json.JSONDecodeError:
        cluster = {}
    workers = sum(len(addresses) for addresses in cluster.values())
    if workers > 1:
        raise ValueError(
            f"`distribute`: the environment variable TF_CONFIG names {workers} "
            "processes, but Keras 3 does not train with TensorFlow's "
            "MultiWorkerMirroredStrategy. Use JAX for several hosts "
            "(KERAS_BACKEND=jax and `keras.distribution.initialize()` in each "
            'process), unset TF_CONFIG, or use `distribute="none"`.'
        )


def _process_count():
    """Return how many processes train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def is_first_process():
    """Return whether this is the first of the processes that train together."""
    if _process_count() == 1:
        return True
    import jax

    return jax.process_index() == 0


def shared_seed(seed, devices):
    """Return the seed of the first of the processes that train together."""
    return int(_of_first_process(np.array(seed, "uint32"))) if devices else seed


def check_batch_size(batch_size, devices):
    """Raise if a batch has no image for some device."""
    if batch_size < len(devices):
        raise ValueError(
            f"`batch_size` must be at least the number of devices, {len(devices)}, not "
            f"{batch_size}: each takes a part of every batch."
        )


def check_trains_by_keras(model, devices):
    """Raise if the model trains in a way of its own, which is not made for devices.

    Under JAX computation follows the arrays, whatever computes.
    """
    if not devices or keras.backend.backend() == "jax":
        return
    own = set(own_methods(model))
    if type(model) is AuxiliaryModel:
        # All that it adds up are compiled losses, which know of the devices.
        own.discard("compute_loss")
    for name in _OWN_STEPS:
        if name in own:
            raise ValueError(
                f"`model` has its own `{name}()`, which may weight the devices "
                'wrongly. Use distribute="none".'
            )


def check_steps_one_by_one(optimizer, accumulated, model, devices):
    """Raise if TensorFlow cannot take such steps on several devices.

    Args:
        optimizer: Keras optimizer, or anything else for one that is named.
        accumulated: The batches whose gradients one that is named accumulates, or None.
        model: Keras model.
        devices: Names of the devices.
    """
    if not devices or keras.backend.backend() != "tensorflow":
        return
    if (accumulated or 1) > 1:
        raise ValueError(
            f"`gradient_accumulation_steps` is {accumulated}, which does not work on "
            'several devices under TensorFlow. Use `distribute="none"`.'
        )
    if innermost(optimizer) is not optimizer and clips(optimizer):
        raise ValueError(
            "`optimizer` clips gradients that are scaled for half precision, which "
            "does not work on several devices under TensorFlow. Use "
            '`distribute="none"`, or leave one of them out.'
        )
    several = {
        "gradient_accumulation_steps": getattr(
            innermost(optimizer), "gradient_accumulation_steps", None
        ),
        "steps_per_execution": getattr(model, "steps_per_execution", None),
    }
    for name, value in several.items():
        if value and value > 1:
            what = "optimizer" if name.startswith("gradient") else "model"
            raise ValueError(
                f"`{what}` has `{name}={value}`, which does not work on several "
                'devices under TensorFlow. Use `distribute="none"`, or leave it out.'
            )


@contextlib.contextmanager
def distributed(model, devices, batches):
    """Have the model on the devices inside the block, and as it was after it.

    Args:
        model: Keras model, compiled.
        devices: Names of the devices; with none, nothing is done.
        batches: Batches of the training data, one of which makes the metrics ready.
    """
    if not devices:
        yield
        return
    build_optimizer(model)
    _build_metrics(model, batches[0])
    moved = _replicated if keras.backend.backend() == "jax" else _mirrored
    with moved(model, devices):
        yield


def placed(batches, devices):
    """Return the batches as the devices are to have them."""
    if batches is None or not devices or keras.backend.backend() != "jax":
        return batches
    return _PlacedBatches(batches, devices)


def _build_metrics(model, batch):
    """Let the loss and the metrics make their variables, which Keras leaves to fit."""
    images, targets, weights = keras.utils.unpack_x_y_sample_weight(
        tuple(keras.ops.convert_to_tensor(part[:1]) for part in batch)
    )
    outputs = model(images, training=False)
    model.compute_loss(images, targets, outputs, weights, training=False)
    model.compute_metrics(images, targets, outputs, weights)
    model.reset_metrics()


def _all_variables(model):
    """Return what has to be on the devices: each variable once."""
    variables = [
        *model.variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]
    return list({id(variable): variable for variable in variables}.values())


# JAX: arrays know which devices they are on, and computation follows.


@contextlib.contextmanager
def _replicated(model, devices):
    """Have a copy of each variable on every device."""
    distribution = keras.distribution.DataParallel(devices=devices)
    variables = _all_variables(model)
    forget_functions(model)
    for variable in variables:
        value = _of_first_process(np.asarray(variable.value))
        layout = distribution.get_variable_layout(variable).backend_layout
        set_layout(variable, layout)
        variable.assign(_on_devices(value, layout))
    try:
        yield
    finally:
        for variable in variables:
            value = np.asarray(variable.value)
            set_layout(variable, None)
            variable.assign(value)
        forget_functions(model)


class _PlacedBatches(keras.utils.PyDataset):
    """Batches of which each device has its part.

    A last batch that cannot be shared out evenly is given to every device whole, so
    that it has the same effect as on one.
    """

    def __init__(self, batches, devices):
        """Take the batches and the names of the devices."""
        super().__init__()
        self._batches = batches
        self._distribution = keras.distribution.DataParallel(devices=devices)
        self._count = len(devices)

    def __len__(self):
        """Count the batches of an epoch."""
        return len(self._batches)

    def __getitem__(self, number):
        """Return a batch as arrays on the devices."""
        return tuple(self._placed(part) for part in self._batches[number])

    def on_epoch_end(self):
        """Go on to the next epoch."""
        self._batches.on_epoch_end()

    def _placed(self, part):
        axes = [None] * part.ndim
        if len(part) % self._count == 0:
            axes[0] = self._distribution.batch_dim_name
        mesh = self._distribution.device_mesh
        layout = keras.distribution.TensorLayout(axes, mesh).backend_layout
        return _on_devices(part, layout)


def _on_devices(array, layout):
    """Return an array that each device has its part of, in whatever process it is."""
    import jax

    return jax.make_array_from_callback(
        array.shape, layout, lambda part: np.asarray(array[part])
    )


def _of_first_process(array):
    """Return the first process's array in all of them."""
    if _process_count() == 1:
        return array
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.broadcast_one_to_all(array))


# TensorFlow: variables are made anew under a strategy, which runs every step on each
# device.


def count_replicas():
    """Return on how many devices every step runs now, which is 1 but for TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


@contextlib.contextmanager
def _mirrored(model, devices):
    """Have the model's variables mirrored on the devices."""
    import tensorflow as tf

    strategy = _strategy_for(tuple(devices))
    before = tf.distribute.get_strategy()
    compiled_to_xla = model.jit_compile
    try:
        with strategy.scope(), clipping_left_to_us(model.optimizer) as clip:
            _make_variables_anew(model, strategy)
            model.jit_compile = False
            model.train_step = _weighted_train_step(model, clip)
            model.test_step = _test_step(model)
            forget_functions(model)
            yield
    finally:
        del model.train_step, model.test_step
        model.jit_compile = compiled_to_xla
        _make_variables_anew(model, before)
        forget_functions(model)


# One for the same devices, however often they are trained on.
_strategy_for = functools.cache(mirrored_strategy)


def _make_variables_anew(model, strategy):
    """Make the variables again under the strategy in force, with their values."""
    import tensorflow as tf

    optimizer = model.optimizer
    keys = {}
    for variable in _all_variables(model):
        old = key_of(optimizer, variable)
        with tf.name_scope(variable.path.rpartition("/")[0] + "/"):
            make_anew(variable)
        keys[old] = key_of(optimizer, variable)
    for part in {optimizer, innermost(optimizer)}:
        follow_variables(part, strategy, keys)


def _weighted_train_step(model, clip):
    """Return a training step in which every image of a batch has the same weight.

    Keras gives every device the same weight, also where a last batch leaves some with
    fewer images than others, or with none; and it would clip the gradients of each.

    Args:
        model: Keras model, compiled.
        clip: Function that clips a list of gradients as the optimizer is to.
    """
    import tensorflow as tf

    def train_step(data):
        images, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        count = tf.shape(images)[0]
        replicas = tf.distribute.get_replica_context()
        share = tf.cast(count, "float32") * replicas.num_replicas_in_sync
        share /= replicas.all_reduce("SUM", tf.cast(count, "float32"))
        with tf.GradientTape() as tape:
            outputs = _outputs(model, images, training=True)
            loss = model.compute_loss(images, targets, outputs, weights, training=True)
            scaled = model.optimizer.scale_loss(loss * tf.cast(share, loss.dtype))
        mean_loss(model).update_state(
            loss * replicas.num_replicas_in_sync, sample_weight=count
        )
        variables = model.trainable_weights
        gradients = tape.gradient(scaled, variables)
        if clips(model.optimizer):
            gradients = _clipped(gradients, clip, replicas)
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return model.compute_metrics(images, targets, outputs, weights)

    return train_step


def _clipped(gradients, clip, replicas):
    """Return a device's part of the clipped sum of the gradients of all of them."""
    known = [gradient for gradient in gradients if gradient is not None]
    whole = clip(replicas.all_reduce("SUM", known))
    parts = iter([gradient / replicas.num_replicas_in_sync for gradient in whole])
    return [None if gradient is None else next(parts) for gradient in gradients]


def _test_step(model):
    """Return a step of evaluation that a device without an image gets through."""

    def test_step(data):
        images, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs = _outputs(model, images, training=False)
        loss = model.compute_loss(images, targets, outputs, weights, training=False)
        mean_loss(model).update_state(
            loss * count_replicas(), sample_weight=keras.ops.shape(images)[0]
        )
        return model.compute_metrics(images, targets, outputs, weights)

    return test_step


def _outputs(model, images, training):
    """Return the outputs for a device's part of a batch, which may have no images.

    Batch normalisation makes NaN of no images, and TensorFlow's convolutions on
    processors confuse their channels: so that one is put in, and taken out again.
    """
    import tensorflow as tf

    count = tf.shape(images)[0]
    rows = [[0, tf.cast(count == 0, "int32")], *[[0, 0]] * (images.shape.rank - 1)]
    outputs = model(tf.pad(images, rows), training=training)
    # A model with auxiliary classifiers gives those of each.
    return tf.nest.map_structure(lambda rows: rows[:count], outputs)
