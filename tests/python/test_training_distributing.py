"""Training on several devices gives what training on one gives.

The devices are made of the processor, which must be set before the backend starts, so
that each test has a process of its own. Processes are few, and models tiny, as a step
takes TensorFlow seconds to prepare for several devices.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import reticnn

BACKEND = keras.backend.backend()

needs_devices = pytest.mark.skipif(
    BACKEND == "torch", reason="under torch Keras trains on one device"
)
only_jax = pytest.mark.skipif(
    BACKEND != "jax", reason="needs KERAS_BACKEND=jax; run by `make test-backends`"
)

# A process that hangs ends itself, and says where each of its threads is.
LIMIT = 400

START = (
    f"""
import faulthandler
faulthandler.dump_traceback_later({LIMIT}, exit=True)
"""
    + """
import json, os, sys
import numpy as np
from reticnn.runtime.backend import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 3,
    )
import reticnn

def fit(data, distribute, model=None, batch_norm=False, **arguments):
    model = model or reticnn.build_cnn(
        (8, 8, 3), 3, n_blocks=1, filters=4, units=8, batch_norm=batch_norm, seed=1
    )
    settled = {"epochs": 2, "batch_size": 8, "progress": "none", "seed": 1}
    return reticnn.fit_classifier(
        model, data, distribute=distribute, **{**settled, **arguments}
    )

def check_same(one, other, rtol=1e-4):
    assert one.history.keys() == other.history.keys()
    for name in one.history:
        np.testing.assert_allclose(
            one.history[name], other.history[name], rtol=rtol, err_msg=name
        )
    weights = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    for ours, theirs in weights:
        np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=1e-5)

data = reticnn.shape_images(29, 3, image_size=8, seed=1)
validation = reticnn.shape_images(13, 3, image_size=8, seed=2)
"""
)

THREE_DEVICES = {
    "XLA_FLAGS": "--xla_force_host_platform_device_count=3",
    "TF_CONFIG": None,
}


@pytest.fixture
def on_three(run_python):
    """Run code where there are three devices; return what it prints."""

    def run(code, *arguments):
        done = run_python(START + code, *arguments, limit=LIMIT + 30, **THREE_DEVICES)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
@needs_devices
def test_two_devices_give_what_one_gives(on_three, tmp_path):
    # The last batch, of 5 images, cannot be shared out evenly.
    told = on_three(
        """
arguments = {
    "validation": validation, "class_weight": {"circle": 1, "square": 3, "triangle": 1},
    "weight_decay": 0.1, "learning_rate": 0.01, "warmup_epochs": 1,
    "global_clipnorm": 0.05,
}
one = fit(data, "none", **arguments)
two = fit(data, 2, progress="epoch", **arguments)
check_same(one, two)
scores = reticnn.evaluate_classifier(two, validation)
assert abs(scores["loss"] - two.history["val_loss"][-1]) < 1e-5
assert abs(scores["accuracy"] - two.history["val_accuracy"][-1]) < 1e-6

# The state of the optimizer is kept. Other devices, and a last batch of one image.
few = reticnn.shape_images(9, 3, image_size=8, seed=3)
before = one.model.get_weights()
one = fit(few, "none", one, epochs=1, seed=2)
two = fit(few, ["cpu:2", "cpu:1"], two, epochs=1, seed=2)
check_same(one, two)
assert abs(before[0] - one.model.get_weights()[0]).max() > 1e-3

# It is an ordinary model afterwards.
check_same(fit(data, "none", one, seed=3), fit(data, "none", two, seed=3))

# Auxiliary classifiers give outputs of their own.
from reticnn.layers.auxiliary import AuxiliaryModel

def with_auxiliary():
    keras.utils.set_random_seed(1)
    def classes(x):
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.layers.Dense(3, activation="softmax")(x)
    inputs = keras.Input((8, 8, 3))
    tap = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    model = AuxiliaryModel(inputs, classes(keras.layers.Conv2D(4, 3)(tap)))
    start = keras.Input(tap.shape[1:])
    model.set_auxiliary([tap], keras.Model([start], [classes(start)]), 0.3)
    return model

check_same(*(fit(data, where, with_auxiliary()) for where in ("none", 2)))
reticnn.save_classifier(two, sys.argv[1], fast_start=False)
again = reticnn.load_classifier(sys.argv[1])
assert reticnn.predict_images(again, validation) == reticnn.predict_images(
    two, validation
)
""",
        tmp_path / "two.reticnn",
    )
    assert told.count(f"Training on 2 CPUs ({BACKEND})") == 1


@pytest.mark.slow
@needs_devices
def test_averages_early_stop_nan_and_batch_norm_go_on_working(on_three):
    on_three(
        """
import warnings
arguments = {"validation": validation, "ema": 0.8, "learning_rate": 0.05, "epochs": 4}
one = fit(data, "none", early_stopping=1, **arguments)
two = fit(data, 2, early_stopping=1, **arguments)
check_same(one, two, rtol=1e-3)
assert one.stopped == two.stopped
loss = reticnn.evaluate_classifier(two, validation)["loss"]
assert abs(loss - min(two.history["val_loss"])) < 1e-5

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    broken = fit(data, 2, optimizer="sgd", learning_rate=3e38)
assert broken.stopped == "nan"
assert any("lower `learning_rate`" in str(warning.message) for warning in caught)

# The last batch leaves one device without an image, in validation too.
few = reticnn.shape_images(9, 3, image_size=8, seed=3)
normalised = fit(few, 2, batch_norm=True, validation=few, epochs=1)
assert np.isfinite(normalised.history["val_loss"]).all()
assert all(np.isfinite(array).all() for array in normalised.model.get_weights())
"""
    )


@pytest.mark.slow
@needs_devices
def test_images_are_changed_and_curvatures_measured_as_on_one_device(on_three):
    on_three(
        """
def noisy():
    inputs = keras.Input((8, 8, 3))
    noise = reticnn.augmentation(gaussian_noise=0.3, erasing=1.0)
    x = reticnn.augmentation_layer(noise, seed=3)(inputs)
    start = keras.initializers.GlorotUniform(seed=1)
    x = keras.layers.Dense(3, "softmax", kernel_initializer=start)(
        keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    )
    return keras.Model(inputs, x)

# Batches of one size, as each other takes a while to prepare for.
one = fit(data[:24], "none", noisy(), optimizer="sgd")
two = fit(data[:24], 2, noisy(), optimizer="sgd")
check_same(one, two)
assert [int(m.model.layers[1].images_seen.numpy()) for m in (one, two)] == [48, 48]

# LeNet's optimizer, with images that are cropped and changed before it sees them.
larger = reticnn.shape_images(16, 3, image_size=10, seed=1)
policy = reticnn.augmentation(crop=(8, 8), flip="horizontal")
arguments = {"optimizer": "levenberg_marquardt", "augmentation": policy}
one, two = fit(larger, "none", **arguments), fit(larger, 2, **arguments)
check_same(one, two)
for ours, theirs in zip(
    one.model.optimizer.curvatures, two.model.optimizer.curvatures, strict=True
):
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
assert max(float(keras.ops.max(part)) for part in two.model.optimizer.curvatures) > 1e-3
"""
    )


@pytest.mark.slow
@needs_devices
def test_a_run_goes_on_from_a_checkpoint_on_any_number_of_devices(on_three, tmp_path):
    on_three(
        """
import signal
whole = fit(data, "none", epochs=3, validation=validation)

def interrupt(state):
    if state["epoch"] == 2:
        assert state["device"].startswith("2 CPUs")
        # Started in the background of a shell, a process begins deaf to Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)

arguments = {"epochs": 3, "validation": validation, "checkpoint_dir": sys.argv[1]}
stopped = fit(data, 2, progress=interrupt, **arguments)
assert stopped.stopped == "interrupted"
assert stopped.history["epoch"] == [1]
reticnn.predict_images(stopped, validation)
check_same(whole, fit(data, "none", **arguments))
""",
        tmp_path / "run",
    )


@pytest.mark.slow
@needs_devices
def test_devices_that_are_not_there_are_refused_by_name(on_three):
    messages = json.loads(
        on_three(
            """
messages = []
accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
several = reticnn.build_cnn((16, 16, 3), n_blocks=1, filters=2, units=2)
several.compile("sgd", "binary_crossentropy", steps_per_execution=2)
for arguments in (
    {"distribute": 4}, {"distribute": 1.5}, {"distribute": "atuo"},
    {"distribute": ["cpu:0", "cpu:7"]}, {"distribute": 2, "batch_size": 1},
    {"distribute": 2, "optimizer": accumulating}, {"distribute": 2, "model": several},
):
    try:
        fit(data, **arguments)
    except ValueError as error:
        messages.append(str(error))
print(json.dumps(messages))
"""
        )
    )
    four, half, misspelt, absent, batch, *steps = messages
    assert four.startswith("`distribute` asks for 4 devices, but there are 3: ")
    assert half.startswith("`distribute` must be a whole number of at least 1, not 1.5")
    assert "not 'atuo'" in misspelt and "Did you mean 'auto'?" in misspelt
    assert "'cpu:1'" in absent and "'cpu:7'" in absent
    assert batch.startswith("`batch_size` must be at least the number of devices, 2")
    if BACKEND == "tensorflow":
        assert "`gradient_accumulation_steps=2`" in steps[0]
        assert "`steps_per_execution=2`" in steps[1]


@pytest.mark.skipif(BACKEND != "torch", reason="what torch cannot do is said there")
def test_torch_says_what_can_distribute(tiny_cnn, shapes, fit, refused):
    with refused(ValueError, "distribute", 2, "torch", "TensorFlow or JAX"):
        fit(tiny_cnn(), shapes, distribute=2)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TF_CONFIG is TensorFlow's")
def test_several_hosts_are_refused_under_tensorflow(
    tiny_cnn, shapes, fit, refused, monkeypatch
):
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with refused(ValueError, "distribute", "TF_CONFIG", "2 processes", "Use JAX"):
        fit(tiny_cnn(), shapes)


SEVERAL_PROCESSES = START.replace(
    "import reticnn\n",
    """
keras.distribution.initialize(sys.argv[1], 2, int(sys.argv[2]))
import reticnn
""",
    1,
)


@only_jax
@pytest.mark.slow
def test_two_processes_train_together(on_three, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # Each would start from weights and a seed of its own.
    code = """
model = reticnn.build_cnn((8, 8, 3), 3, n_blocks=1, filters=4, units=8, seed=number)
trained = fit(data, "auto", model, validation=validation, seed=number)
np.savez(sys.argv[3], *trained.model.get_weights())
print(json.dumps(trained.history))
"""
    core = str(Path(reticnn.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": core, "XLA_FLAGS": ""}
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{SEVERAL_PROCESSES}\nnumber = int(sys.argv[2]) + 1\n{code}",
                address,
                str(number),
                str(tmp_path / f"{number}.npz"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(2)
    ]
    told = [run.communicate(timeout=LIMIT + 30) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    histories = [json.loads(output.splitlines()[-1]) for output, _ in told]
    assert histories[0] == histories[1]
    on_three(
        """
alone = fit(data, "none", validation=validation)
history = json.loads(sys.argv[1])
for name in history:
    np.testing.assert_allclose(history[name], alone.history[name], rtol=1e-4)
for path in sys.argv[2:]:
    with np.load(path) as archive:
        for key, expected in zip(archive.files, alone.model.get_weights(), strict=True):
            np.testing.assert_allclose(archive[key], expected, rtol=0.01, atol=1e-5)
""",
        json.dumps(histories[0]),
        *(tmp_path / f"{number}.npz" for number in range(2)),
    )
