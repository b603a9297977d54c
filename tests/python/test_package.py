"""What a fresh Python sees: imports, quiet, backends; and the relay to R."""

import doctest
import importlib.util
import inspect
import pickle
import re
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime.conditions import SeenImagesWarning, warn_user
from reticnn.runtime.relay import call_with_warnings, load_keras

CHECKOUT = Path(__file__).resolve().parents[2]

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras runs on another backend"
)

# Those whose examples need no training, no download and no images of one's own.
RUNNABLE = [
    "augment",
    "backbones",
    "build_cnn",
    "build_mlp",
    "classifier_head",
    "conv_block",
    "convnext_ladder",
    "describe_model",
    "domain_adapter",
    "landmark_architectures",
    "layer_table",
    "load_images",
    "residual_block",
    "shape_images",
    "split_images",
    "training_recipe",
]

heavy_imports = """
import sys
import reticnn
print(*{"keras", "tensorflow", "torch", "jax", "numpy", "PIL"} & set(sys.modules))
"""

whole_job = """
import reticnn
data = reticnn.shape_images(16, image_size=16, seed=1)
model = reticnn.build_cnn((16, 16, 3), filters=4, n_blocks=2)
classifier = reticnn.fit_classifier(model, data, epochs=2, progress="none")
print(len(reticnn.predict_images(classifier, data)[".pred_class"]))
"""


# Importing


def test_import_starts_nothing(run_python):
    # How long it takes, `benchmarks/startup.py` measures.
    result = run_python(heavy_imports)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "\n"


def described_arguments(function):
    """Return what the `Args` section of a function says of each argument."""
    _, _, section = inspect.getdoc(function).partition("\nArgs:\n")
    section = re.split(r"\n(?=\S)", section, maxsplit=1)[0]
    entries = re.findall(r"^    \**(\w+): (.*(?:\n {8}.*)*)", section, re.M)
    return {name: " ".join(text.split()) for name, text in entries}


@pytest.mark.parametrize("name", reticnn.__all__)
def test_public_function_is_there_and_documented(name):
    function = getattr(reticnn, name)
    assert inspect.isfunction(function)
    assert function.__name__ == name
    text = inspect.getdoc(function)
    assert re.match(r"[A-Z].*\.(\n|$)", text)
    arguments = inspect.signature(function).parameters
    described = described_arguments(function)
    assert list(described) == list(arguments)
    for argument in arguments.values():
        # What all operations of a policy have by default is said once.
        if argument.default is not argument.empty and name != "augmentation":
            assert "default" in described[argument.name].lower(), argument
    assert re.search(r"^Returns:\n    \S", text, re.M)
    assert re.search(r"^Example:\n    >>> ", text, re.M)
    assert re.search(r"^Raises:\n    \w+: ", text, re.M) or not arguments


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNNABLE)
def test_example_prints_what_it_shows(name):
    keras.backend.clear_session()  # Keras numbers its layers
    known = {public: getattr(reticnn, public) for public in reticnn.__all__}
    found = doctest.DocTestFinder(recurse=False).find(
        known[name], name, globs={**known, "keras": keras}
    )
    said = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in found:
        runner.run(example, out=said.append)
    assert runner.tries > 0
    assert not said, "".join(said)


def test_public_functions_are_listed_before_their_first_use(run_python):
    result = run_python("import reticnn; print(*dir(reticnn))")
    assert set(reticnn.__all__) <= set(result.stdout.split())


def test_unknown_function_is_named():
    with pytest.raises(AttributeError, match=r"'reticnn'.*'build_cn'"):
        _ = reticnn.build_cn


def test_version_is_the_projects():
    if not (CHECKOUT / "pyproject.toml").exists():
        pytest.skip("No pyproject.toml beside these tests")
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.*)"$', project, re.M)[1] == reticnn.__version__


# Quiet, and backends


@pytest.mark.slow
@needs_tensorflow
def test_whole_job_writes_nothing_of_its_own(run_python):
    result = run_python(whole_job, TF_CPP_MIN_LOG_LEVEL=None)
    assert result.stderr == ""
    assert result.stdout == "16\n"


WRITING = """
import os, threading
import reticnn

said = 0
started = threading.Event()


def write():
    global said
    while not started.is_set():
        said += os.write(2, b"of another thread\\n") > 0
        started.wait(0.01)


thread = threading.Thread(target=write)
thread.start()
reticnn.build_cnn((8, 8, 3))
started.set()
thread.join()
print(said)
"""


@pytest.mark.slow
@needs_tensorflow
def test_what_others_write_while_keras_starts_is_shown(run_python):
    result = run_python(WRITING, TF_CPP_MIN_LOG_LEVEL=None)
    lines = result.stderr.splitlines()
    assert set(lines) == {"of another thread"}
    assert len(lines) == int(result.stdout)


@pytest.mark.slow
@needs_tensorflow
def test_log_level_that_the_user_chose_holds(run_python):
    code = (
        "import os, reticnn.runtime.backend; reticnn.runtime.backend.start_keras(); "
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    result = run_python(code, TF_CPP_MIN_LOG_LEVEL="0")
    assert result.stdout == "0\n"
    assert "oneDNN" in result.stderr or "TensorFlow" in result.stderr


@pytest.mark.slow
def test_process_without_stderr_can_work(run_python):
    code = "import os, sys; os.close(2); os.execv(sys.executable, sys.argv[1:])"
    job = "import reticnn; print(reticnn.build_cnn().count_params())"
    result = run_python(code, sys.executable, "-c", job)
    assert result.stdout == "28097\n"


def test_failed_start_of_keras_is_told(run_python):
    result = run_python("import reticnn; reticnn.build_cnn()", KERAS_BACKEND="nosuch")
    assert result.returncode == 1
    assert "nosuch" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backend_is_chosen_after_the_import(run_python, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    result = run_python(
        "import os, sys, reticnn\n"
        f"os.environ['KERAS_BACKEND'] = {backend!r}\n"
        "model = reticnn.build_cnn()\n"
        "import keras\n"
        "print(keras.backend.backend(), 'tensorflow' in sys.modules)",
        KERAS_BACKEND=None,
    )
    assert result.stdout == f"{backend} False\n"


def test_backend_that_is_not_installed_is_named_with_the_command(run_python):
    lacking = "import sys; sys.modules['torch'] = None; import reticnn; "
    result = run_python(lacking + "reticnn.build_cnn()", KERAS_BACKEND="torch")
    said = result.stderr.strip().rpartition("\n")[2]
    assert said.startswith("ModuleNotFoundError: No module named 'torch', on which")
    assert f'`{sys.executable} -m pip install "torch>=' in said
    project = CHECKOUT / "pyproject.toml"
    if project.exists():
        extra = f'{re.search("torch>=[0-9.]+", said)[0]}"]'
        assert f'torch = ["{extra}' in project.read_text(encoding="utf-8")
    other = keras.backend.backend()
    if other != "torch":
        assert "Or set the environment variable KERAS_BACKEND to '" in said


@pytest.mark.slow
def test_saving_starts_no_backend_but_its_own(run_python, tmp_path):
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow is what others must not start")
    job = (
        "import sys, reticnn\n"
        "data = reticnn.shape_images(16, image_size=16, seed=1)\n"
        "model = reticnn.build_cnn((16, 16, 3), filters=4, n_blocks=2)\n"
        "fitted = reticnn.fit_classifier(model, data, epochs=1, progress='none')\n"
        "reticnn.load_classifier(reticnn.save_classifier(fitted, sys.argv[1]))\n"
        "print('tensorflow' in sys.modules)"
    )
    result = run_python(job, tmp_path / "a.reticnn", TF_CPP_MIN_LOG_LEVEL=None)
    assert (result.stdout, result.stderr) == ("False\n", "")


WITHOUT_OPENCV = """
import sys
sys.modules["cv2"] = None
import numpy, reticnn
data = reticnn.image_folder(sys.argv[1], image_size=(16, 20), cache="none")
model = reticnn.build_cnn((16, 20, 3), filters=4, n_blocks=2)
fitted = reticnn.fit_classifier(model, data, epochs=1, progress="none")
print(len(reticnn.predict_images(fitted, sys.argv[1])[".pred_class"]))
for what in (
    lambda: reticnn.augment(data, rotation=0.1),
    lambda: reticnn.predict_images(fitted, numpy.full((1, 9, 9, 3), 50)),
    lambda: reticnn.load_images(reticnn.image_folder(sys.argv[1], 8, cache="none")),
):
    try:
        what()
    except ImportError as error:
        print(error)
"""


@pytest.mark.slow
def test_opencv_is_needed_where_images_are_changed_alone(run_python, cats):
    result = run_python(WITHOUT_OPENCV, cats)
    count, *said = result.stdout.splitlines()
    assert count == "5", result.stderr
    command = f'`{sys.executable} -m pip install "opencv-python-headless"`'
    assert len(said) == 3
    for text in said:
        assert text.startswith("Changing, resizing or measuring images needs OpenCV")
        assert command in text


# Models saved by Keras


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    """Save models with layers and functions of ours as Keras does it."""
    folder = tmp_path_factory.mktemp("models")
    inputs = keras.Input((64, 64, 3))
    policy = reticnn.augmentation(rotation=0.1)
    models = {
        "augmented": keras.Model(inputs, reticnn.augmentation_layer(policy)(inputs)),
        "alexnet": reticnn.landmark_model("alexnet", (64, 64, 3), 2),
        "lenet5": reticnn.landmark_model("lenet5"),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return sorted(map(str, folder.iterdir()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import reticnn, keras",
        "import keras, reticnn",
        "import reticnn; reticnn.conv_block; import keras",
        "from reticnn.runtime.backend import keras; import reticnn; reticnn.augment",
    ],
)
def test_keras_loads_them_whatever_was_imported_first(
    run_python, saved_models, imports
):
    load = f"{imports}; [keras.saving.load_model(f) for f in {saved_models}]"
    result = run_python(load)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_package_that_lacks_a_part_does_not_keep_keras_from_starting(run_python):
    lacking = "import reticnn, sys; sys.modules['h5py'] = None; import keras; "
    result = run_python(lacking + "print(keras.Input((2,)).shape); reticnn.build_cnn")
    assert "(None, 2)" in result.stdout
    assert "h5py" in result.stderr


# The relay


def test_warnings_come_back_with_the_value():
    x = np.full((1, 2, 2), 300)
    for _ in range(2):
        data, warned, kinds = call_with_warnings(reticnn.image_arrays, x, y=None)
        assert len(data) == 1
        assert len(warned) == 1
        assert kinds == ["reticnn_warning"]
        assert "`x` has 4 of 4 values outside 0 to 255" in warned[0]


def test_no_warning_is_an_empty_list():
    assert call_with_warnings(len, [1, 2]) == (2, [], [])


def test_kinds_of_warnings_are_told_to_r():
    def warn():
        warn_user("The images are known.", SeenImagesWarning)

    _, warned, kinds = call_with_warnings(warn)
    assert warned == ["The images are known."]
    assert kinds == ["reticnn_warning_seen_images"]


def test_errors_pass_through():
    with pytest.raises(ValueError, match="`filters`"):
        call_with_warnings(reticnn.build_cnn, filters=3.5)


def test_keras_comes_with_our_classes():
    found = load_keras()
    assert found is keras
    assert found.saving.get_registered_object("reticnn>ImagePreprocessing") is not None


# Classes that users meet


@pytest.mark.parametrize(
    "make",
    [
        lambda: reticnn.shape_images(4, image_size=8, seed=1),
        lambda: reticnn.augmentation(rotation=0.1),
        reticnn.rand_augment,
        reticnn.trivial_augment,
        reticnn.auto_augment,
        reticnn.aug_mix,
        reticnn.three_augment,
    ],
    ids=["images", "augmentation", "rand", "trivial", "auto", "mix", "three"],
)
def test_objects_say_the_package_as_their_module_and_can_be_pickled(make):
    made = make()
    kind = type(made)
    assert kind.__module__ == "reticnn"
    assert getattr(reticnn, kind.__name__) is kind
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is kind
    assert repr(again) == repr(made)


def test_classes_that_keras_knows_say_the_package_too(tmp_path):
    load_keras()
    registered = keras.saving.get_custom_objects()
    classes = [
        value
        for name, value in registered.items()
        if name.startswith("reticnn>") and isinstance(value, type)
    ]
    assert len(classes) > 10
    for known in classes:
        assert known.__module__ == "reticnn"
        assert getattr(reticnn, known.__name__) is known
    file = tmp_path / "alexnet.keras"
    reticnn.landmark_model("alexnet", (64, 64, 3), 2).save(file)
    config = zipfile.ZipFile(file).read("config.json").decode()
    assert set(re.findall(r'"module": "(reticnn[^"]*)"', config)) == {"reticnn"}


@pytest.mark.slow
def test_classes_are_found_before_anything_is_made(run_python):
    classes = "Classifier, reticnn.ImageData, reticnn.Policy, reticnn.Sequence"
    result = run_python(f"import reticnn; print(reticnn.{classes})")
    assert result.stdout.count("<class 'reticnn.") == 4
