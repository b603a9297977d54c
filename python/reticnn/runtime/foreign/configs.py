"""What the configuration of a model may name: layers, functions and plain values.

Keras makes whatever class or function a configuration names, with the arguments that
stand there. So each is looked up here first, by itself, and only those pass that
compute with tensors: Keras's own, without the layers that run code or read files, and
what has been registered with Keras, by this package or by the user.
"""

import inspect
import re
import sys

from reticnn.notation import is_visible, shown
from reticnn.runtime.backend import keras

# Layers of Keras that run code which a file brings, or name a file to read it from.
_WITH_CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")

# Arguments that are lists of values, or the path of a file with them.
_LISTS_OR_FILES = {
    "StringLookup": ("vocabulary", "idf_weights"),
    "IntegerLookup": ("vocabulary", "idf_weights"),
    "TextVectorization": ("vocabulary", "idf_weights"),
}

# NumPy gives each text of a list the room of the longest.
_LARGEST_TEXTS = 128 * 2**20
_BYTES_OF_A_LETTER = 4

# Arguments of Keras's for which it makes lists as long as they say.
_COUNTS = ("num_thresholds", "num_classes", "num_oov_indices")
_LARGEST_COUNT = 10**6

# Where functions are looked up that a configuration names.
_MODULES_OF_FUNCTIONS = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "regularizers",
    "ops",
)
_NOT_TO_COMPUTE = {"get", "serialize", "deserialize"}

_TENSORS = {"__tensor__", "__numpy__"}
_SYMBOL = "__keras_tensor__"
_VALUES = {_SYMBOL, "__bytes__", "__ellipsis__", "__slice__", *_TENSORS}
_DTYPE = re.compile(r"bool|string|bfloat16|complex\d+|u?int\d+|float\d+(_e\dm\d\w*)?")

# Keras writes 300 bytes or more for a layer, and needs milliseconds to make one.
_BYTES_OF_A_LAYER = 200
_LAYERS_ANYWAY = 50

# Calls of a layer that Keras may try before those that it depends on are made.
_MOST_TRIES = 100_000

# What Keras says of an error has the configuration of each model around the place.
_MOST_IN_MESSAGES = 64 * 2**20


HOW_TO_HAVE_ONES_OWN = (
    "Use Keras's layers, or your own class or function, registered first with "
    "`keras.saving.register_keras_serializable()`."
)


class ConfigError(ValueError):
    """A configuration names something that is not made.

    Attributes:
        place: Where, in words.
        unknown: Whether it is a class that somebody may register.
        with_code: Whether it is a layer that runs code of its file.
    """

    def __init__(self, place, what, *, unknown=False, with_code=False):
        """Take the place, and what is wrong there, in words."""
        super().__init__(f"{place}: {what}")
        self.place = place
        self.unknown = unknown
        self.with_code = with_code


def check_config(config, size):
    """Raise unless all that a configuration names may be made.

    Args:
        config: What the JSON of a model says.
        size: Length of that JSON.

    Raises:
        ConfigError: If it names something else, naming the first and its place.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise ConfigError("the model", "it has no class")
    layers, deepest, tries, listed = 0, 0, 0, 0
    parts = [(config, (), 1)]
    while parts:
        part, place, depth = parts.pop()
        if isinstance(part, dict):
            place = _with_name(part, place)
            if "class_name" in part and "config" in part:
                layers += _check_object(part, place)
                depth += 1
                deepest = max(deepest, depth)
            _check_calls(part.get("inbound_nodes"), place)
            listed += _listed(part, place)
            tries += _tries_in_vain(part.get("layers"))
            inner = [(value, (*place, key), depth) for key, value in part.items()]
        else:
            inner = [(value, place, depth) for value in part]
        # The first in the file is looked at first.
        parts += [item for item in reversed(inner) if isinstance(item[0], (dict, list))]
    if layers > _LAYERS_ANYWAY + size // _BYTES_OF_A_LAYER:
        raise ConfigError("the model", f"it has {layers:,} layers in {size:,} bytes")
    if listed > _LARGEST_COUNT:
        raise ConfigError("the model", f"it makes lists of {listed:,.0f} values")
    if tries > _MOST_TRIES:
        raise ConfigError("the model", "its layers are not in order")
    if deepest * size > _MOST_IN_MESSAGES:
        raise ConfigError("the model", f"its parts are {deepest} levels deep")


def _with_name(part, place):
    """Return the place of a part, with its name if it has one."""
    inner = part.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str):
        return place
    if not is_visible(name):
        raise ConfigError(_in_words(place), f"the name {shown(name)} cannot be shown")
    # The keys on the way to it say no more than its name.
    return (*[step for step in place if isinstance(step, _Name)], _Name(name))


class _Name(str):
    """The name of a layer or model, not a key."""

    __slots__ = ()


def _in_words(place):
    """Return a place as text: the names on the way to it, and keys after the last."""
    names = [str(step) for step in place if isinstance(step, _Name)]
    keys = [step for step in place if not isinstance(step, _Name) and step != "config"]
    path = " / ".join(map(shown, names)) or "the model"
    return f"{path}, {shown(keys[-1])}" if keys else path


def _tries_in_vain(layers):
    """Return how often Keras may try to call a layer of a graph too early.

    It goes through all that are left again for each that comes before its input.
    """
    layers = layers if isinstance(layers, list) else []
    layers = [layer for layer in layers if isinstance(layer, dict)]
    places = {str(layer.get("name")): at for at, layer in enumerate(layers)}
    early = sum(
        places.get(source, 0) > at
        for at, layer in enumerate(layers)
        for source in _sources(layer.get("inbound_nodes"))
    )
    return early * len(layers)


def _sources(nodes):
    """Yield the names of the layers that calls take their inputs from."""
    parts = [nodes]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, list):
            if len(part) > 2 and isinstance(part[0], str):
                yield part[0]
            parts += part


def _check_calls(nodes, place):
    """Raise if a layer is called on numbers alone: Keras would compute at once."""
    for node in nodes if isinstance(nodes, list) else ():
        if not (_has_history(node) if isinstance(node, dict) else node):
            raise ConfigError(_in_words(place), "it is called on no other layer")


def _has_history(node):
    """Return whether one of the arguments of a call comes from another layer.

    Keras takes `training` away before it looks.
    """
    named = node.get("kwargs")
    named = named.items() if isinstance(named, dict) else ()
    values = [node.get("args"), *(value for key, value in named if key != "training")]
    while values:
        value = values.pop()
        if isinstance(value, list):
            values += value
        elif isinstance(value, dict):
            if value.get("class_name") == _SYMBOL:
                return True
            values += () if "config" in value else value.values()
    return False


def _check_object(part, place):
    """Raise unless an object may be made; return 1 for a layer or model, else 0."""
    where, kind = _in_words(place), part["class_name"]
    if not isinstance(kind, str):
        raise ConfigError(where, f"its class is {shown(kind)}")
    if kind == "function":
        _check_function(part, where)
    elif kind in _VALUES:
        _check_value(part["config"], kind, where)
    else:
        return _check_class(part, where)
    return 0


def _check_value(config, kind, where):
    if kind not in _TENSORS:
        return
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise ConfigError(where, f"its values are of the kind {shown(dtype)}")


def _check_function(part, where):
    name, module = part["config"], part.get("module")
    if isinstance(name, str) and (_is_registered(name) or _is_keras(name, module)):
        return
    source = f" of {module}" if isinstance(module, str) else ""
    raise ConfigError(
        where,
        f"the function {shown(name)}{source if is_visible(source) else ''} is neither "
        "one of Keras's to compute with nor registered",
        unknown=module == "builtins",
    )


def _is_registered(name):
    """Return whether there is an object of that name, or, for older files, that end."""
    if keras.saving.get_registered_object(name) is not None:
        return True
    return any(key.endswith(f">{name}") for key in keras.saving.get_custom_objects())


def _is_keras(name, module):
    if name in _NOT_TO_COMPUTE:
        return False
    rooms = [
        room
        for room in _MODULES_OF_FUNCTIONS
        if module in ("builtins", f"keras.{room}", f"keras.{room}.{name}")
    ]
    found = [getattr(getattr(keras, room), name, None) for room in rooms]
    return any(inspect.isfunction(inspect.unwrap(one)) for one in found if one)


def _check_class(part, where):
    name = part["class_name"]
    # Where no module is named, as in older files, Keras goes by the class alone.
    registered = part.get("registered_name", name) if "module" in part else name
    found = keras.saving.get_registered_object(str(registered))
    if not isinstance(found, type):
        found = _class_of_keras(name, part.get("module"))
    # These have a meaning of their own, whatever is registered.
    if name.startswith("__"):
        found = None
    if found is None:
        raise ConfigError(
            where, f"the class {shown(registered or name)} is not known", unknown=True
        )
    if issubclass(found, _classes(_WITH_CODE)):
        raise ConfigError(
            where,
            f"{name} layers run code that the file brings or names",
            with_code=True,
        )
    if found.__module__.partition(".")[0] == "keras":
        _check_lists(found, part["config"], where)
    return int(issubclass(found, (keras.layers.Layer, keras.Operation)))


def _listed(part, place):
    """Return how long the lists are that Keras makes for a part."""
    total = 0
    for name in _COUNTS:
        count = part.get(name)
        if isinstance(count, (int, float)):
            if not count <= _LARGEST_COUNT:
                raise ConfigError(_in_words(place), f"its `{name}` is {shown(count)}")
            total += max(count, 0)
    return total


def _check_lists(found, config, where):
    for kind, arguments in _LISTS_OR_FILES.items():
        if not issubclass(found, getattr(keras.layers, kind)):
            continue
        given = config if isinstance(config, dict) else {}
        for name in arguments:
            if isinstance(given.get(name), (str, dict)):
                raise ConfigError(
                    where,
                    f"`{name}` of {kind} is to be read from {shown(given[name])}, not "
                    "from this file",
                )
        _check_texts(given, where)


def _check_texts(config, where):
    """Raise if the words of a vocabulary, and those for unknown ones, are too long."""
    words, unknown = config.get("vocabulary"), config.get("num_oov_indices")
    words = words if isinstance(words, list) else []
    unknown = unknown if isinstance(unknown, (int, float)) else 0
    longest = max(map(_length, [*words, config.get("oov_token", "[UNK]")]))
    if not are_small_texts(len(words) + unknown, longest):
        raise ConfigError(where, "its vocabulary is too large")


def _length(value):
    return len(value) if isinstance(value, str) else 2


def are_small_texts(number, longest):
    """Return whether NumPy has room for a list of texts."""
    return number * max(longest, 2) * _BYTES_OF_A_LETTER <= _LARGEST_TEXTS


def _class_of_keras(name, module):
    """Return a class of Keras's that computes, or describes how, or None.

    It is looked for in what has been imported, and imports nothing.
    """
    if not isinstance(module, str) or module.partition(".")[0] != "keras":
        return None
    found = getattr(sys.modules.get(module), name, None)
    kinds = (
        keras.Operation,
        keras.constraints.Constraint,
        keras.dtype_policies.DTypePolicy,
        keras.dtype_policies.DTypePolicyMap,
        keras.initializers.Initializer,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.quantizers.Quantizer,
        # Since Keras 3.13.
        getattr(keras.quantizers, "QuantizationConfig", keras.quantizers.Quantizer),
        keras.random.SeedGenerator,
        keras.regularizers.Regularizer,
    )
    return found if isinstance(found, type) and issubclass(found, kinds) else None


def _classes(names):
    """Return those of Keras's layers with these names that there are."""
    return tuple(filter(None, (getattr(keras.layers, name, None) for name in names)))
