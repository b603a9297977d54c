"""Everything private that the core uses of Keras, in one place.

A release of Keras may remove any of it. Each attribute has a function here that says
what it returns, and its own test in `test_runtime_keras_internals.py`, which
`make test-lowest` and `make test-latest` run on the oldest Keras and on the newest.
"""

import contextlib
import itertools
import sys
import threading
import traceback
import types
import zipfile

from reticnn.runtime.backend import is_model, is_started, keras, when_started
from reticnn.runtime.registration import is_by_keras, is_ours
from reticnn.runtime.stopping import comes_of_stopping, done_in_full

# Graphs


class Call:
    """One call of a layer in a graph.

    Attributes:
        layer: Keras layer, a nested model, or an operation such as that of `keras.ops`.
        inputs: List of the Keras tensors that it is given.
        outputs: List of the Keras tensors that it returns.
    """

    def __init__(self, node):
        """Take the node that Keras keeps of a call."""
        self.layer = node.operation
        self.inputs = node.input_tensors
        self.outputs = node.output_tensors
        self._arguments = node.arguments

    def on(self, tensors, training=None):
        """Call the layer in the same way, on other tensors than `inputs`.

        Args:
            tensors: List of tensors, one for each of `inputs`.
            training: What the layer is told of being trained, whatever the graph says,
                as Keras does where a model is called with it; or None for what the
                graph says. Default None.

        Returns:
            List of what it returns.
        """
        positional, named = self.arguments_with(tensors)
        if training is not None and getattr(self.layer, "_call_has_training_arg", 0):
            named = {**named, "training": training}
        return keras.tree.flatten(self.layer(*positional, **named))

    def arguments_with(self, tensors):
        """Return the positional and the named arguments, with others for `inputs`."""
        replaced = map(id, self.inputs)
        return self._arguments.fill_in(dict(zip(replaced, tensors, strict=True)))


def calls_in(graph):
    """Return the `Call`s of a graph of layers, each after those it depends on."""
    by_depth = sorted(graph._nodes_by_depth.items(), reverse=True)
    return [Call(node) for _, nodes in by_depth for node in nodes if not node.is_input]


def graph_in_sequential(model):
    """Return the functional model that a Sequential one is run by, or None."""
    return getattr(model, "_functional", None)


def name_of_input(tensor):
    """Return the name that a graph's input was given."""
    return tensor._keras_history.operation.name


def operation_name(operation):
    """Return the name of the class of a Keras operation, or None for a layer."""
    is_keras = type(operation).__module__.startswith("keras.src.ops.")
    return type(operation).__name__ if is_keras else None


def setting_of(operation, name):
    """Return what an operation was made with, such as the strides of a convolution."""
    return getattr(operation, name)


def axis_of(operation):
    """Return the axis that an operation such as softmax goes along."""
    return operation.axis


# Variables


@contextlib.contextmanager
def before_each_variable(check):
    """Have a function called before this thread makes a variable, which it may refuse.

    Args:
        check: Function of the variable's shape and dtype, as Keras is given them.
    """
    kind, thread = keras.Variable, threading.get_ident()
    make = kind.__init__

    def checked(self, initializer, shape=None, dtype=None, *args, **kwargs):
        if threading.get_ident() == thread and shape is not None:
            check(shape, dtype)
        make(self, initializer, shape, dtype, *args, **kwargs)

    kind.__init__ = checked
    try:
        yield
    finally:
        kind.__init__ = make


@contextlib.contextmanager
def before_each_constant(check):
    """Have a function called before this thread fills a shape with a constant.

    Args:
        check: Function of the constant and the shape, which may refuse it.
    """
    kind, thread = keras.initializers.Constant, threading.get_ident()
    make = kind.__call__

    def checked(self, shape, dtype=None, **kwargs):
        if threading.get_ident() == thread:
            check(self.value, shape)
        return make(self, shape, dtype, **kwargs)

    kind.__call__ = checked
    try:
        yield
    finally:
        kind.__call__ = make


# Layers and models


def parts_of(layer):
    """Return a layer and all layers that it is made of."""
    return list(layer._flatten_layers())


def takes_training(layer):
    """Return whether a layer can be told whether it is being trained."""
    return layer._call_has_training_arg


def freeze_under_adapters(layer):
    """Freeze the weights for which the low-rank adapters of a layer are trained."""
    for part in layer._flatten_layers():
        if getattr(part, "lora_enabled", False):
            of_embedding = isinstance(part, keras.layers.Embedding)
            weight = part._embeddings if of_embedding else part._kernel
            weight.trainable = False


def begin_adapters(model):
    """Let low-rank adapters learn that are 0, as Keras leaves them in a loaded model.

    Saving has added them to the weights that they adapt. What the model computes stays.
    """
    for part in model._flatten_layers():
        if getattr(part, "lora_enabled", False):
            of_embedding = isinstance(part, keras.layers.Embedding)
            first = part.lora_embeddings_a if of_embedding else part.lora_kernel_a
            initial = keras.initializers.HeUniform(seed=0)
            first.assign(initial(first.shape, dtype=first.dtype))


def adapted_layers(model):
    """Return the names of the layers that have low-rank adapters."""
    parts = model._flatten_layers()
    return [part.name for part in parts if getattr(part, "lora_enabled", False)]


def unknown_in_layers(model):
    """Return the classes and functions in layers that loading a model would not find.

    A function is looked for by its name alone.
    """
    values = [
        value
        for layer, value in _settings_of_layers(model)
        if not isinstance(layer, keras.layers.Lambda)
    ]
    return _unknown([*model._flatten_layers(), *values])


def layers_with_lambdas(model):
    """Return the names of the layers that have a lambda function of the user's.

    Lambda layers are left out, whose configuration says so.
    """
    return [
        layer.name
        for layer, value in _settings_of_layers(model)
        if getattr(value, "__name__", "") == "<lambda>"
        and not is_by_keras(value)
        and not isinstance(layer, keras.layers.Lambda)
    ]


def _settings_of_layers(model):
    """Return pairs of one of Keras's layers and a function or object it was given."""
    return [
        (part, value)
        for part in model._flatten_layers()
        if is_by_keras(type(part)) and not isinstance(part, keras.Model)
        for value in vars(part).values()
        if callable(value) and not isinstance(value, keras.layers.Layer)
    ]


def unknown_in_compiling(model):
    """Return those that a model is compiled with and that loading would not find."""
    if not model.compiled:
        return []
    given = keras.tree.flatten(compiled_as_given(model))
    if model.optimizer is not None:
        rate = rate_or_schedule(model.optimizer)
        # One of ours may follow another.
        given += [innermost(model.optimizer), rate, getattr(rate, "within", None)]
    return _unknown(value for value in given if value is not None)


def kinds_of_others(model):
    """Return the classes and functions of a model that are neither Keras's nor ours.

    They are looked for in its layers, in what these were given, and in compiling.
    """
    values = [value for _, value in _settings_of_layers(model)]
    if model.compiled:
        values += [
            value
            for value in keras.tree.flatten(compiled_as_given(model))
            if callable(value) or isinstance(value, keras.optimizers.Optimizer)
        ]
    kinds = {
        value if isinstance(value, types.FunctionType) else type(value)
        for value in [*model._flatten_layers(), *values]
    }
    others = [kind for kind in kinds if not (is_by_keras(kind) or is_ours(kind))]
    return sorted(others, key=lambda kind: kind.__name__)


def taken_for_kerass_own(unknown):
    """Return the functions in whose place loading a model would find Keras's."""
    modules = (keras.activations, keras.losses, keras.metrics, keras.initializers)
    return [
        kind
        for kind in unknown
        if isinstance(kind, types.FunctionType)
        and any(hasattr(module, kind.__name__) for module in modules)
    ]


def _unknown(values):
    """Return the functions, and the classes of objects, that are not found, by name."""
    kinds = {
        value if isinstance(value, types.FunctionType) else type(value)
        for value in values
    }
    unknown = (kind for kind in kinds if not _is_found(kind))
    return sorted(unknown, key=lambda kind: kind.__name__)


def _is_found(kind):
    registered = keras.saving.get_registered_name(kind)
    if keras.saving.get_registered_object(registered) is kind or is_by_keras(kind):
        return True
    if isinstance(kind, types.FunctionType):
        return False
    return getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind


def name_modules(model):
    """Give the classes in a model that have no module one, as Keras expects of all.

    Layers written in R are of such classes: Python takes a class's module from where it
    is defined, which is nowhere.
    """
    for layer in model._flatten_layers():
        for kind in type(layer).__mro__:
            if not hasattr(kind, "__module__"):
                kind.__module__ = "__main__"


def draws_at_random(layer):
    """Return whether a layer itself draws random numbers."""
    return bool(layer._seed_generators)


def random_states(model):
    """Return the variables from which the layers of a model draw random numbers."""
    return [
        variable
        for variable in model.variables
        if variable.name == "seed_generator_state"
    ]


def add_layer(model, layer):
    """Make a layer one of a model that was complete without it.

    A functional model of older Keras does not find what is set as its attribute later.
    """
    if layer not in model._layers:
        model._layers.append(layer)


def compiled_as_given(model):
    """Return what a model was compiled with, as `compile` took it, as a dict."""
    return dict(model._compile_config.config)


def compiled_loss(model):
    """Return the loss of a compiled model, a function of targets, outputs and weights.

    It is what was given as a name or a function, too, made a loss as Keras does it.
    """
    return model._compile_loss


def set_optimizer(model, optimizer):
    """Give a compiled model another optimizer, which is saved with it.

    Set as its attribute alone, Keras would go on saving the settings of the old one, by
    which it makes the optimizer again that is to take up the state of the new one.
    """
    model.optimizer = optimizer
    if getattr(model, "_compile_config", None) is not None:
        model._compile_config.config["optimizer"] = optimizer
    model.make_train_function(force=True)


@contextlib.contextmanager
def uncompiled(model):
    """Have a model, in the block, be as if it had never been compiled.

    Keras saves the optimizer of each model that is part of another one.
    """
    bare = {"compiled": False, "optimizer": None, "_compile_config": None}
    kept = {name: getattr(model, name, None) for name in bare}
    try:
        for name, value in bare.items():
            setattr(model, name, value)
        yield
    finally:
        for name, value in kept.items():
            setattr(model, name, value)


def save_with_optimizer(model, file):
    """Save a model with the optimizer that it has, scaling of losses included.

    Keras saves what `compile` was given, and would decide again on scaling once the
    model is loaded, which then no longer says in which precision it computes.
    """
    if model.compiled and model.optimizer is not None:
        model._compile_config.config["optimizer"] = model.optimizer
    model.save(file)


def load_new_optimizer(model, file):
    """Give a model a new optimizer for what is trainable, with the state in a file.

    The file is the model's, `.keras`.
    """
    # It takes time, and who only predicts has no need of it.
    import h5py

    optimizer = new_like(model.optimizer)
    optimizer.build(model.trainable_variables)
    with (
        zipfile.ZipFile(file) as archive,
        archive.open("model.weights.h5") as weights,
        h5py.File(weights) as stored,
    ):
        # Keras keeps no state of one that has not been used.
        if "optimizer" in stored:
            optimizer.load_own_variables(stored["optimizer"]["vars"])
    set_optimizer(model, optimizer)


def note_compiled_here(model):
    """Note that a model has the loss and the optimizer that we chose for it."""
    model._compile_config.by_reticnn = True


def compiled_here(model):
    """Return whether that was noted, and nobody has compiled the model since."""
    return getattr(getattr(model, "_compile_config", None), "by_reticnn", False)


def keep_optimizer_maker(model, make):
    """Keep what makes the optimizer of a compiled model again, until it is compiled.

    One that is kept already stays.
    """
    kept = model._compile_config
    kept.makes_optimizer = getattr(kept, "makes_optimizer", make)


def kept_optimizer_maker(model):
    """Return what was kept since the model was compiled, or None."""
    return getattr(model._compile_config, "makes_optimizer", None)


def mean_loss(model):
    """Return the metric in which a compiled model keeps its mean loss of an epoch."""
    return model._loss_tracker


def sync_weights(model):
    """Bring the model's weights up to date after training that was cut off.

    Under JAX they live outside the model while it is trained, and Keras brings them
    back only at a regular end.
    """
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def predicted(model, images):
    """Return what a model or an ONNX network gives for a batch.

    Under JAX, Keras's own step takes the weights, and until it has given them back, no
    other thread finds any. It is replaced by one that leaves them where they are.
    """
    if is_model(model) and keras.backend.backend() == "jax":
        _leave_weights(model, "predict")
    return model.predict_on_batch(images)


def measured(model, images, targets):
    """Return a dict of what Keras measures of a batch, the weights left as well."""
    if keras.backend.backend() == "jax":
        _leave_weights(model, "test")
    return model.test_on_batch(images, targets, return_dict=True)


def _leave_weights(model, kind):
    """Have Keras `"predict"` or `"test"` and leave a model's weights where they are."""
    function, make = f"{kind}_function", f"make_{kind}_function"
    is_own = getattr(type(model), make) is not getattr(keras.Model, make)
    is_done = hasattr(getattr(model, function), "leaves_weights")
    takes = model.jit_compile and not model.run_eagerly
    others = keras.distribution.distribution() or keras.config.is_nnx_enabled()
    if is_own or is_done or others or not takes:
        return
    step = _predict_step(model) if kind == "predict" else model.test_step
    leaving = model._make_function(_leaving(step), kind == "predict")
    leaving.leaves_weights = True
    setattr(model, function, leaving)


def _predict_step(model):
    """Return a step as for other purposes: of the state to what it is then."""

    def step(state, data):
        outputs, others = model.predict_step(state, data)
        return outputs, (state[0], others)

    return step


def _leaving(step):
    """Return a step that is compiled, without a copy of what it does not change."""
    import jax

    @jax.jit
    def changes(state, data):
        result, after = step(state, data)
        pairs = zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True)
        return result, {
            at: new for at, (new, old) in enumerate(pairs) if new is not old
        }

    def leaving(state, data):
        result, changed = changes(state, data)
        leaves, structure = jax.tree.flatten(state)
        after = [changed.get(at, leaf) for at, leaf in enumerate(leaves)]
        return result, structure.unflatten(after)

    return leaving


# Optimizers


def innermost(optimizer):
    """Return the optimizer that takes the steps: one that scales losses wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def rate_or_schedule(optimizer):
    """Return an optimizer's learning rate, a variable, or the schedule that it follows.

    A schedule is a function of the step, or of nothing.
    """
    return innermost(optimizer)._learning_rate


def metric_direction(metric):
    """Return `"up"` or `"down"`, where a metric gets better, or None if not known."""
    return getattr(metric, "_direction", None)


def settings_of(optimizer):
    """Return an optimizer's settings as a dict, but for its learning rate and its name.

    A schedule of the user's own may have no `get_config()`, and is not asked for it.
    """
    optimizer = innermost(optimizer)
    rate = optimizer._learning_rate
    try:
        optimizer._learning_rate = 0.0
        settings = optimizer.get_config()
    finally:
        optimizer._learning_rate = rate
    return {
        name: settings[name] for name in settings.keys() - {"learning_rate", "name"}
    }


def new_like(optimizer, rate=None, **changes):
    """Return a new optimizer with the settings of one, some changed.

    Args:
        optimizer: Keras optimizer.
        rate: Learning rate or schedule, or None for that of `optimizer`.
        **changes: Settings that are to be others.

    Raises:
        ValueError: If its class does not say how it is made.
    """
    inner = innermost(optimizer)
    rate = rate_or_schedule(optimizer) if rate is None else rate
    follows = callable(rate)
    value = 0.0 if follows else _number(rate)
    try:
        settings = {**settings_of(inner), "learning_rate": value, **changes}
        made = type(inner).from_config(settings)
    except Exception as error:  # Of the user's own class, whatever it raises.
        raise ValueError(
            f"`optimizer` is a {type(inner).__name__} that cannot be made again "
            f"({error}), as is needed for other trained layers, for a copy, and for "
            "starting again. Give its class a `get_config()` with all its settings."
        ) from error
    if follows:
        made.learning_rate = rate
    if inner is optimizer:
        return made
    scaling = optimizer.get_config()
    del scaling["inner_optimizer"]
    return type(optimizer)(made, **scaling)


def _number(rate):
    # Not by way of NumPy, which warns of how Keras gives it a variable.
    return float(rate.value if isinstance(rate, keras.Variable) else rate)


def steps_done(optimizer):
    """Return how many batches an optimizer has been given.

    That is what schedules count by, also where it changes the weights only after some
    batches, whose gradients it accumulates.
    """
    return int(keras.ops.convert_to_numpy(innermost(optimizer)._iterations))


def place_of_rate(optimizer):
    """Return the position of the learning rate among an optimizer's variables.

    Where it follows a schedule, there is no variable, but could have been one there.

    Returns:
        Tuple of the position, and whether there is one.
    """
    inner = innermost(optimizer)
    ids = [id(variable) for variable in optimizer.variables]
    return ids.index(id(inner._iterations)) + 1, id(inner._learning_rate) in ids


def trained_by(optimizer):
    """Return the variables that an optimizer was built for."""
    return innermost(optimizer)._trainable_variables


def position_of(optimizer, variable):
    """Return the position of a variable among those an optimizer was built for."""
    return optimizer._get_variable_index(variable)


def spares_from_decay(optimizer, variable):
    """Return whether an optimizer leaves a variable out of its weight decay."""
    return not innermost(optimizer)._use_weight_decay(variable)


def spare_from_decay(optimizer, variables):
    """Leave variables out of an optimizer's weight decay.

    Keras does not save what is excluded, and refuses to exclude anything of an
    optimizer that is built, as one that was loaded is.
    """
    optimizer = innermost(optimizer)
    keys = {key_of(optimizer, variable) for variable in variables}
    optimizer._exclude_from_weight_decay = keys
    optimizer._exclude_from_weight_decay_cache = {}


def averages(optimizer):
    """Return the moving averages that an optimizer keeps of what it trains, or none."""
    optimizer = innermost(optimizer)
    kept = getattr(optimizer, "_model_variables_moving_average", None)
    return list(kept or ()) if optimizer.use_ema else []


def go_on_from(optimizer, earlier):
    """Give a new optimizer the state of an earlier one, but for moving averages.

    Args:
        optimizer: Keras optimizer of the same class, not built.
        earlier: Keras optimizer, built.
    """
    optimizer.build(trained_by(earlier))
    states = []
    for one in (optimizer, earlier):
        left_out = set(map(id, averages(one)))
        states.append([v for v in one.variables if id(v) not in left_out])
    for variable, value in zip(*states, strict=True):
        # A copy: what two variables share, JAX cannot update in place.
        variable.assign(keras.ops.copy(value))


@contextlib.contextmanager
def steps_within(optimizer, around):
    """Have all that an optimizer does to the weights done within a context.

    Args:
        optimizer: Keras optimizer, the innermost.
        around: Function from the variables changed to a context manager.
    """
    update, decay = optimizer._backend_update_step, optimizer._apply_weight_decay

    def update_within(gradients, variables, learning_rate):
        with around(variables):
            update(gradients, variables, learning_rate)

    def decay_within(variables):
        with around(variables):
            decay(variables)

    optimizer._backend_update_step = update_within
    optimizer._apply_weight_decay = decay_within
    try:
        yield
    finally:
        del optimizer._backend_update_step, optimizer._apply_weight_decay


def clips(optimizer):
    """Return whether an optimizer clips gradients."""
    inner = innermost(optimizer)
    settings = ("clipnorm", "global_clipnorm", "clipvalue")
    return any(getattr(inner, name, None) for name in settings)


@contextlib.contextmanager
def clipping_left_to_us(optimizer):
    """Have an optimizer clip nothing in the block, which is given what does.

    Yields:
        Function from a list of gradients to the list of clipped ones.
    """
    inner = innermost(optimizer)
    clip = inner._clip_gradients
    inner._clip_gradients = lambda gradients: gradients
    try:
        yield clip
    finally:
        del inner._clip_gradients


# Variables on several devices


def set_layout(variable, layout):
    """Have the values of a variable put on devices from now on, under JAX.

    Args:
        variable: Keras variable.
        layout: JAX's sharding, or None for Keras's own choice.
    """
    variable._layout = layout


def make_anew(variable):
    """Make a variable's tensor again, with its value, where one would be made now."""
    variable._initialize(keras.ops.convert_to_numpy(variable))


def key_of(optimizer, variable):
    """Return what optimizers know a variable by."""
    return optimizer._var_key(variable)


def follow_variables(optimizer, strategy, keys):
    """Let an optimizer work on variables made anew under a strategy of TensorFlow.

    Args:
        optimizer: Keras optimizer.
        strategy: TensorFlow's strategy of distribution.
        keys: Dict from the old keys of the variables to the new ones.
    """
    optimizer._distribution_strategy = strategy
    optimizer._trainable_variables_indices = {
        keys[key]: index
        for key, index in optimizer._trainable_variables_indices.items()
    }
    optimizer._exclude_from_weight_decay = {
        keys.get(key, key)
        for key in getattr(optimizer, "_exclude_from_weight_decay", ())
    }
    # What was concluded from it, by the old keys.
    optimizer._exclude_from_weight_decay_cache = {}


_collective_keys = itertools.count(100_000, 100_000)


def mirrored_strategy(devices):
    """Return a strategy of TensorFlow whose collective operations have their own keys.

    Strategies that share keys break each other.
    """
    import tensorflow as tf

    class Strategy(tf.distribute.MirroredStrategy):
        _collective_key_base = next(_collective_keys)

    return Strategy(devices)


# Scopes

# Keras's, as it names them in what it keeps for each thread.
_SCOPES = (
    "autocast_scope",
    "current_call_ctx",
    "in_tf_graph_scope",
    "name_scope_stack",
    "remat_scope_stack",
    "safe_mode_saving",
    "stateless_scope",
    "symbolic_scope",
    "torch_device",
    "tracking_on",
)


@contextlib.contextmanager
def scopes_kept():
    """Leave the scopes of Keras and TensorFlow as they were before the block.

    Where Ctrl-C comes at the very end of one, this thread would stay in it for good:
    in a graph, for example, in which no step is ever computed.
    """
    started = is_started()
    put_back = [*_keras_scopes(), *_tensorflow_scopes()] if started else []
    try:
        yield
    except BaseException as error:
        if comes_of_stopping(error):
            _clear_frames(error)
        raise
    finally:
        if not done_in_full(lambda: [put() for put in put_back]):
            raise KeyboardInterrupt


def _clear_frames(error):
    """Take away what an error holds of the calls that it has ended, innermost first.

    Scopes among it end with that: later, they would end others in place of themselves.
    """
    known = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        for frame in reversed(frames):
            with contextlib.suppress(RuntimeError):  # It goes on.
                frame.clear()
        error = error.__cause__ or error.__context__


def _keras_scopes():
    """Return functions that put back which scopes of Keras there are."""
    state = vars(keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER)
    before = {name: state[name] for name in _SCOPES if name in state}

    def put_back():
        for name in _SCOPES:
            state.pop(name, None)
        state.update(before)

    lists = [value for value in before.values() if isinstance(value, list)]
    return [put_back, *map(_list_as_now, lists)]


def _tensorflow_scopes():
    """Return functions that put back which scopes of TensorFlow there are, if any."""
    if keras.backend.backend() != "tensorflow":
        return []
    from tensorflow.python.eager import context
    from tensorflow.python.framework import ops

    ours = context.context()
    local = ours._thread_local_data
    names = ("is_eager", "scope_name", "device_name", "device_spec")
    before = {name: getattr(local, name) for name in names}

    def put_back():
        for name, value in before.items():
            setattr(local, name, value)

    stacks = [ops._default_graph_stack.stack, ours._context_switches.stack]
    return [put_back, *map(_list_as_now, stacks)]


def _list_as_now(values):
    """Return a function that puts back what is in a list."""
    before = list(values)

    def put_back():
        values[:] = before

    return put_back


# What is serialised


class _TensorFlowIfStarted:
    """TensorFlow as Keras's serialiser sees it, which would start it to ask.

    On another backend that takes seconds, writes to the log, and tells it nothing: a
    TensorFlow that was not started has no objects.
    """

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)

    @property
    def available(self):
        """Whether objects of TensorFlow's can be there."""
        return "tensorflow" in sys.modules and self._module.available


def leave_tensorflow_alone():
    """Have Keras serialise models without starting TensorFlow for that."""
    serialiser = keras.src.saving.serialization_lib
    if not isinstance(serialiser.tf, _TensorFlowIfStarted):
        serialiser.tf = _TensorFlowIfStarted(serialiser.tf)


when_started(leave_tensorflow_alone)
