"""Models that name what runs code, reads files, or takes more than the file has."""

import itertools
import json

from hostile.kind import Kind


def kinds():
    """Yield them, each in a classifier and alone."""
    for name, (change, said, large) in _changes():
        for ending in (".reticnn", ".keras"):
            make = _maker(change, ending)
            yield Kind(f"{name} in {ending}", ending, make, said, large)
    for name, (text, said) in _texts().items():
        for ending in (".reticnn", ".keras"):
            yield Kind(
                f"{name} in {ending}", ending, _maker_of_text(text, ending), said, True
            )


def _backwards(honest):
    """Have the layers of a graph in the order that takes Keras most rounds."""
    config = _graph_with_a_constant()
    first, _, pool, head = config["config"]["layers"]
    names = [pool["name"], *(f"scaled{n}" for n in range(2000))]
    scaled = [
        {
            **_object("Rescaling", "keras.layers", name=name, scale=1.0, offset=0.0),
            "name": name,
            "inbound_nodes": [{"args": [_output(source, [None, 3])], "kwargs": {}}],
        }
        for source, name in itertools.pairwise(names)
    ]
    config["config"]["layers"] = [first, head, *reversed(scaled), pool]
    return json.dumps(config).encode()


def _maker(change, ending):
    def make(honest, folder):
        config = honest.changed_config(lambda config: change(config, str(folder)))
        return _in_file(honest, ending, config=config)

    return make


def _maker_of_text(text, ending):
    def make(honest, folder):
        return _in_file(honest, ending, text=text(honest))

    return make


def _in_file(honest, ending, **parts):
    model = honest.keras_file(**parts)
    return model if ending == ".keras" else honest.classifier_file(model=model)


def _changes():
    """Yield names, with what is done, what must be said, and whether it is large."""
    for name, layer in _layers().items():
        yield name, (_first(layer), "spy", False)
        yield f"{name}, wrapped", (_first(_wrapped(layer)), "spy", False)
        yield f"{name}, nested", (_first(_nested(layer)), "spy", False)
    for name, value in _callables().items():
        for place in _PLACES:
            yield f"{name} as {place}", (_at(place, value), "", False)
    for name, (change, said) in _oddities().items():
        yield name, (change, said, False)
    for name, layer in _giants().items():
        yield name, (_first(layer), "", True)


def _first(layer):
    """Return a change that puts a layer before the others."""

    def change(config, folder):
        made = layer(folder)
        config["config"]["layers"].insert(1, made)

    return change


def _layer(kind, module="keras.layers", **settings):
    return lambda folder: {
        "module": module,
        "class_name": kind,
        "config": {
            "name": "spy",
            **{k: v(folder) if callable(v) else v for k, v in settings.items()},
        },
        "registered_name": None,
    }


def _without_module(layer):
    """Leave out the module: then Keras goes by the class, whatever is registered."""

    def make(folder):
        made = layer(folder)
        del made["module"]
        return {**made, "registered_name": _OURS}

    return make


_OURS = "reticnn>LayerScale"


def _metric(kind, **settings):
    """Return a layer that is a model compiled with a metric."""

    def make(folder):
        metric = _object(kind, "keras.metrics", name="spy", **settings)
        return {
            **_nested(_layer("ReLU"))(folder),
            "compile_config": {"optimizer": "sgd", "loss": "mse", "metrics": [metric]},
        }

    return make


def _wrapped(layer):
    return lambda folder: {
        "module": "keras.layers",
        "class_name": "TimeDistributed",
        "config": {"name": "around", "layer": layer(folder)},
        "registered_name": None,
    }


def _nested(layer):
    return lambda folder: {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "within", "layers": [layer(folder)]},
        "registered_name": None,
    }


def _function(name, module="builtins"):
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }


def _object(kind, module, **settings):
    return {
        "module": module,
        "class_name": kind,
        "config": settings,
        "registered_name": None,
    }


_GET_FILE = {
    "fname": lambda folder: f"{folder}/ran",
    "origin": lambda folder: "file:///etc/hostname",
    "cache_dir": lambda folder: folder,
}


def _layers():
    """Return layers that run code or name files, by what they are."""
    get_file = {
        "function": _function("get_file", "keras.utils"),
        "arguments": lambda folder: {k: v(folder) for k, v in _GET_FILE.items()},
    }
    code = {
        "function": {
            "class_name": "__lambda__",
            "config": {"value": "4wEAAAAAAAAA", "defaults": None, "closure": None},
        }
    }
    passwords = "/etc/passwd"
    return {
        "Lambda with get_file": _layer("Lambda", **get_file),
        "Lambda with code": _layer("Lambda", **code),
        "Lambda by its own module": _layer(
            "Lambda", "keras.src.layers.core.lambda_layer", **code
        ),
        "Lambda registered as another": lambda folder: {
            **_layer("Lambda", **code)(folder),
            "registered_name": "Dense",
        },
        "Lambda of older files registered as ours": _without_module(
            _layer("Lambda", **code)
        ),
        "Lambda of older files with a function of Keras": _without_module(
            _layer("Lambda", function=_function("relu"))
        ),
        "StringLookup of older files of a file": _without_module(
            _layer("StringLookup", vocabulary=passwords)
        ),
        "Lambda of a file's own shape": _layer(
            "Lambda", function=_function("relu"), output_shape=_function("system", "os")
        ),
        "TFSMLayer": _layer("TFSMLayer", filepath=lambda folder: folder),
        "TFSMLayer by its own module": _layer(
            "TFSMLayer", "keras.src.export.tfsm_layer", filepath="/tmp"
        ),
        "TorchModuleWrapper": _layer("TorchModuleWrapper", module="gASVHw=="),
        "JaxLayer": _layer("JaxLayer", call_fn=_function("eval"), init_fn=None),
        "FlaxLayer": _layer("FlaxLayer", module=_object("Popen", "subprocess")),
        "StringLookup of a file": _layer("StringLookup", vocabulary=passwords),
        "IntegerLookup of a file": _layer("IntegerLookup", vocabulary=passwords),
        "TextVectorization of a file": _layer(
            "TextVectorization", vocabulary=passwords
        ),
        "StringLookup of weights": _layer(
            "StringLookup", vocabulary=["a"], idf_weights=passwords
        ),
        "a class of no package": _layer("Doubled", None),
        "a class of the system": _layer("Popen", "subprocess", args=["true"]),
        "a class of Python": _layer("type", "builtins"),
        "a class of TensorFlow": _layer("Module", "tensorflow"),
        "a class of Keras that is no layer": _layer(
            "ZipFile", "keras.src.saving.saving_lib"
        ),
        "a module within Keras": _layer("os", "keras.src.saving.saving_lib"),
        "a callback": _layer("BackupAndRestore", "keras.callbacks", backup_dir="/tmp"),
        "a class whose name is a list": _layer(["Lambda"]),
        "a class whose name is a path": _layer("../Lambda"),
    }


def _callables():
    """Return functions and objects that are not for tensors, by what they are."""
    functions = [
        ("load_model", "keras.models"),
        ("load_model", "keras.saving"),
        ("load_model", "builtins"),
        ("enable_unsafe_deserialization", "keras.config"),
        ("enable_unsafe_deserialization", "builtins"),
        ("get_file", "keras.utils"),
        ("load_img", "keras.utils"),
        ("deserialize", "keras.activations"),
        ("deserialize", "builtins"),
        ("system", "os"),
        ("eval", "builtins"),
        ("exec", "builtins"),
        ("open", "builtins"),
        ("Popen", "subprocess"),
        ("rmtree", "shutil"),
        ("func_load", "keras.src.utils.python_utils"),
        ("extract_archive", "keras.src.utils.file_utils"),
        ("loads", "pickle"),
        ("import_module", "importlib"),
    ]
    made = {f"{module}.{name}": _function(name, module) for name, module in functions}
    made["code"] = {
        "class_name": "__lambda__",
        "config": {"value": "4wEAAAAAAAAA", "defaults": None, "closure": None},
    }
    made["code registered as ours"] = {**made["code"], "registered_name": _OURS}
    made["a process"] = _object("Popen", "subprocess", args=["true"])
    made["a Lambda"] = _object("Lambda", "keras.layers", function=_function("eval"))
    made["a type of TensorFlow"] = {
        "class_name": "__typespec__",
        "spec_name": "TensorSpec",
        "module": "tensorflow",
        "registered_name": None,
        "config": [[1], "float32"],
    }
    return made


_PLACES = {
    "activation": lambda config: config["config"]["layers"][1]["config"],
    "kernel_initializer": lambda config: config["config"]["layers"][1]["config"],
    "bias_regularizer": lambda config: config["config"]["layers"][1]["config"],
    "kernel_constraint": lambda config: config["config"]["layers"][3]["config"],
    "dtype": lambda config: config["config"]["layers"][3]["config"],
    "loss": lambda config: config["compile_config"],
    "optimizer": lambda config: config["compile_config"],
    "metrics": lambda config: config["compile_config"],
}


def _at(place, value):
    def change(config, folder):
        if not config.get("compile_config"):
            config["compile_config"] = {"optimizer": "sgd", "loss": "mse"}
        _PLACES[place](config)[place] = [value] if place == "metrics" else value

    return change


def _oddities():
    """Return changes of other kinds, with what must be said."""

    def first_config(config):
        return config["config"]["layers"][1]["config"]

    def named(name):
        def change(config, folder):
            first_config(config)["name"] = name

        return change

    def valued(kind, dtype):
        def change(config, folder):
            first_config(config)["activity_regularizer"] = {
                "class_name": kind,
                "config": {"value": ["a"], "dtype": dtype},
            }

        return change

    def called_on_a_number(config, folder):
        config.update(_graph_with_a_constant())

    return {
        "a layer called on a number": (called_on_a_number, "called on no other layer"),
        "a name with a command": (named("\x1b]0;owned\x07"), ""),
        "a name with a line": (named("a\rb"), ""),
        "a name of half a character": (named("\ud800"), ""),
        "a name that runs backwards": (named("a\u202eb"), ""),
        "values of a gigabyte": (valued("__numpy__", "V1000000000"), "V1000000000"),
        "texts of a gigabyte": (valued("__numpy__", "S1000000000"), "S1000000000"),
        "values that are objects": (valued("__numpy__", "O"), "'O'"),
        "tensors of no kind": (valued("__tensor__", 7), "7"),
    }


def _graph_with_a_constant():
    """Return a graph of layers, one of which Keras would compute when it is made."""

    def node(kind, arguments, training=None, **settings):
        return {
            **_object(kind, "keras.layers", name=kind, **settings),
            "name": kind,
            "inbound_nodes": [{"args": arguments, "kwargs": {"training": training}}],
        }

    image = _output("InputLayer", [None, 16, 16, 3])
    number = {
        "class_name": "__tensor__",
        "config": {"value": [[[[1.0]]]], "dtype": "float32"},
    }
    pool = _output("GlobalAveragePooling2D", [None, 3])
    layers = [
        {
            **node("InputLayer", [], batch_shape=[None, 16, 16, 3]),
            "inbound_nodes": [],
        },
        node("UpSampling2D", [number], training=image, size=[2, 2]),
        node("GlobalAveragePooling2D", [image]),
        node("Dense", [pool], units=2),
    ]
    ends = {"input_layers": "InputLayer", "output_layers": "Dense"}
    ends = {which: [[name, 0, 0]] for which, name in ends.items()}
    return _object("Functional", "keras.src.models.functional", layers=layers, **ends)


def _output(name, shape):
    """Return what a layer of a graph gives another."""
    history = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


def _giants():
    """Return layers of a size that the file does not have."""
    at = {"build_config": {"input_shape": [None, 16, 16, 3]}}

    def built(kind, **settings):
        made = _layer(kind, **settings)
        return lambda folder: {**made(folder), **at}

    wide = _layer("Dense", units=100_000)
    return {
        "a million units": built("Dense", units=10**6 * 20),
        "a billion units": built("Dense", units=10**9),
        "a million squared": lambda folder: {
            **_layer("Dense", units=10**6)(folder),
            "build_config": {"input_shape": [None, 10**6]},
        },
        "many filters": built("Conv2D", filters=10**8, kernel_size=[3, 3]),
        "a large kernel": built("Conv2D", filters=4, kernel_size=[3000, 3000]),
        "a large table": built("Embedding", input_dim=10**9, output_dim=4),
        "many heads": built("MultiHeadAttention", num_heads=10**5, key_dim=10**5),
        "many units of a cell": built("LSTM", units=10**5),
        "many channels": built("PReLU"),
        "a constant that is wider than its weights": built(
            "Conv2D",
            filters=30_000,
            kernel_size=[3, 3],
            bias_initializer=_object(
                "Constant", "keras.initializers", value=[[0]] * 20_000
            ),
        ),
        **{
            f"many thresholds of {kind}": _metric(kind, **settings)
            for kind, settings in {
                "AUC": {"num_thresholds": 10**8},
                "PrecisionAtRecall": {"recall": 0.5, "num_thresholds": 10**8},
                "MeanIoU": {"num_classes": 10**8},
            }.items()
        },
        "many unknown words": _layer(
            "StringLookup", vocabulary=["a", "b"], num_oov_indices=3 * 10**8
        ),
        "one long word of many": _layer(
            "StringLookup", vocabulary=["a" * 10**6, *map(str, range(10**4))]
        ),
        "two wide layers": lambda folder: {
            "module": "keras",
            "class_name": "Sequential",
            "config": {"name": "within", "layers": [wide(folder), wide(folder)]},
            "build_config": {"input_shape": [None, 16, 16, 3]},
            "registered_name": None,
        },
        "an orthogonal matrix": built(
            "Dense",
            units=3,
            kernel_initializer={
                "module": "keras.initializers",
                "class_name": "Orthogonal",
                "config": {},
                "registered_name": None,
            },
            build_config={},
        ),
    }


def _texts():
    """Return what may stand in `config.json`, with what must be said."""

    def nested(levels, opening, closing):
        return lambda honest: (opening * levels + "1" + closing * levels).encode()

    def layers(count):
        def text(honest):
            layer = _layer("Activation", activation="relu")("")
            config = honest.changed_config(
                lambda config: config["config"]["layers"].extend(
                    {**layer, "config": {"name": f"a{n}", "activation": "relu"}}
                    for n in range(count)
                )
            )
            return json.dumps(config, separators=(",", ":")).encode()

        return text

    def models(levels):
        def text(honest):
            inner = '{"module":"keras","class_name":"Sequential","config":{"layers":['
            layer = json.dumps(_layer("ReLU")(""))
            return (inner * levels + layer + "]}}" * levels).encode()

        return text

    return {
        "a graph in the wrong order": (_backwards, "not in order"),
        "lists 900 deep": (nested(900, "[", "]"), ""),
        "lists 100,000 deep": (nested(100_000, "[", "]"), ""),
        "objects 900 deep": (nested(900, '{"a":', "}"), ""),
        "a model in 900 models": (models(900), ""),
        "a model in 80 models": (models(80), ""),
        "a million lists": (lambda honest: b"[" + b"[]," * 10**6 + b"1]", "values"),
        "ten thousand layers": (layers(10_000), "layers"),
        "a long number": (lambda honest: b'{"class_name":' + b"9" * 10**6 + b"}", ""),
        "no JSON": (lambda honest: b"config", ""),
        "a list": (lambda honest: b"[]", ""),
        "nothing": (lambda honest: b"", ""),
        "half a character": (lambda honest: b'"\xff\xfe"', ""),
        "32 bits for each letter": (lambda honest: "{}".encode("utf-32"), ""),
        "a long text": (lambda honest: b'"' + b"a" * 20 * 2**20 + b'"', "config.json"),
    }
