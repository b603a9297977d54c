"""Training on several devices gives what training on one gives.

The devices are made of the processor, which must be set before the backend starts, so
that each test has a process of its own. TensorFlow's oneDNN kernels are switched off:
they mix up tensors where one processor plays two devices.
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

START = """
import json, os, sys
import numpy as np
from reticnn.backend import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
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

TWO_DEVICES = {
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CONFIG": None,
}


@pytest.fixture
def on_two(run_python):
    """Run code where there are two devices; return what it prints."""

    def run(code, *arguments, **variables):
        done = run_python(START + code, *arguments, **{**TWO_DEVICES, **variables})
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@needs_devices
def test_two_devices_give_what_one_gives(on_two):
    # The last batches, of 5 images, cannot be shared out evenly.
    told = on_two(
        """
arguments = {
    "validation": validation, "class_weight": {"circle": 1, "square": 3, "triangle": 1},
    "weight_decay": 0.1, "learning_rate": 0.01, "schedule": "cosine",
}
one = fit(data, "none", **arguments)
two = fit(data, 2, progress="epoch", **arguments)
check_same(one, two)
scores = reticnn.evaluate_classifier(two, validation)
assert abs(scores["loss"] - two.history["val_loss"][-1]) < 1e-5
assert scores["accuracy"] == np.float32(two.history["val_accuracy"][-1])
""",
    )
    assert told.count(f"Training on 2 CPUs ({BACKEND})") == 1


@needs_devices
def test_the_model_afterwards_is_an_ordinary_one(on_two, tmp_path):
    # It goes on with the kept state of the optimizer, and once more on two devices.
    on_two(
        """
one, two = fit(data, "none"), fit(data, ["cpu:0", "cpu:1"])
check_same(fit(data, "none", one, seed=2), fit(data, "none", two, seed=2))
check_same(fit(data, "none", one, seed=3), fit(data, 2, two, seed=3))
reticnn.save_classifier(two, sys.argv[1])
again = reticnn.load_classifier(sys.argv[1])
assert reticnn.predict_images(again, validation) == reticnn.predict_images(
    two, validation
)
""",
        tmp_path / "two.reticnn",
    )


@needs_devices
def test_averages_best_weights_early_stop_and_nan_go_on_working(on_two):
    on_two(
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
"""
    )


@needs_devices
def test_a_last_batch_smaller_than_the_devices_leaves_batch_norm_whole(on_two):
    on_two(
        """
data = reticnn.shape_images(17, 3, image_size=8, seed=1)
two = fit(data, 2, batch_norm=True, validation=validation, epochs=1)
assert np.isfinite(two.history["val_loss"]).all()
assert all(np.isfinite(array).all() for array in two.model.get_weights())
one = fit(data, "none", validation=validation)
check_same(one, fit(data, 2, validation=validation))
"""
    )


@needs_devices
def test_a_run_goes_on_from_a_checkpoint_on_any_number_of_devices(on_two, tmp_path):
    on_two(
        """
import signal
whole = fit(data, 2, epochs=4, validation=validation)

def interrupt(state):
    if state["epoch"] == 3:
        assert state["device"].startswith("2 CPUs")
        os.kill(os.getpid(), signal.SIGINT)

arguments = {"epochs": 4, "validation": validation, "checkpoint_dir": sys.argv[1]}
stopped = fit(data, 2, progress=interrupt, **arguments)
assert stopped.stopped == "interrupted"
assert stopped.history["epoch"] == [1, 2]
reticnn.predict_images(stopped, validation)
check_same(whole, fit(data, "none", **arguments))
""",
        tmp_path / "run",
    )


@needs_devices
def test_devices_that_are_not_there_are_refused_by_name(on_two):
    messages = json.loads(
        on_two(
            """
messages = []
for arguments in (
    {"distribute": 3}, {"distribute": 1.5}, {"distribute": "atuo"},
    {"distribute": ["cpu:0", "cpu:7"]}, {"distribute": 2, "batch_size": 1},
):
    try:
        fit(data, **arguments)
    except ValueError as error:
        messages.append(str(error))
print(json.dumps(messages))
"""
        )
    )
    three, half, misspelt, absent, batch = messages
    assert three.startswith("`distribute` asks for 3 devices, but there are 2: ")
    assert half.startswith("`distribute` must be a whole number of at least 1, not 1.5")
    assert "not 'atuo'" in misspelt and "Did you mean 'auto'?" in misspelt
    assert "'cpu:1'" in absent and "'cpu:7'" in absent
    assert batch.startswith("`batch_size` must be at least the number of devices, 2")


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
def test_two_processes_train_together(on_two, tmp_path):
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
    told = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    histories = [json.loads(output.splitlines()[-1]) for output, _ in told]
    assert histories[0] == histories[1]
    on_two(
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
