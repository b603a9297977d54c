"""What the core uses of Keras without a promise: one test for each attribute.

A test that fails here says in its name what a release of Keras has taken away.
`make test-lowest` and `make test-latest` run them first, on the oldest and the newest.
"""

import ast
import contextlib
import importlib.util
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime import keras_internals

CORE = Path(reticnn.__file__).parent
INTERNALS = CORE / "runtime" / "keras_internals.py"

BACKEND = keras.backend.backend()
only_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's own")
only_jax = pytest.mark.skipif(BACKEND != "jax", reason="JAX's own")


@pytest.fixture
def branches():
    """Return a graph with a layer called twice, an operation and a named argument."""
    image = keras.Input((4, 4, 3), name="picture")
    twice = keras.layers.Conv2D(3, 1, name="twice")
    first = twice(image)
    second = twice(first)
    both = keras.layers.Add(name="add")([first, second])
    dropped = keras.layers.Dropout(0.5, name="drop")(both, training=False)
    return keras.Model(image, keras.ops.multiply(dropped, 2.0))


@pytest.fixture
def compiled():
    """Return a compiled model of one dense layer, and its metric."""
    metric = keras.metrics.MeanSquaredError(name="squares")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metric])
    return model, metric


def variable_of(*shape):
    """Return a variable of ones."""
    return keras.Variable(np.ones(shape, "float32"), name="ones")


def built(optimizer, *variables):
    """Return an optimizer built for variables."""
    optimizer.build(list(variables))
    return optimizer


def source_of(module):
    """Return the text of a module of Keras, also one of a backend not installed."""
    root = Path(importlib.util.find_spec("keras").origin).parent
    return (root / "src" / module).read_text(encoding="utf-8")


# Graphs


def test_nodes_by_depth_hold_the_calls_of_a_graph(branches):
    assert branches._nodes_by_depth
    calls = keras_internals.calls_in(branches)
    names = [call.layer.name for call in calls]
    assert names[:4] == ["twice", "twice", "add", "drop"]
    assert len(names) == 5
    known = {id(tensor) for tensor in branches.inputs}
    for call in calls:
        assert {id(tensor) for tensor in call.inputs} <= known
        known.update(id(tensor) for tensor in call.outputs)
    assert id(branches.outputs[0]) in known


def test_is_input_of_nodes_leaves_out_the_inputs():
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, keras.layers.Add(name="add")(inputs))
    calls = keras_internals.calls_in(model)
    assert [call.layer.name for call in calls] == ["add"]


def test_operation_of_a_node_is_the_layer(branches):
    first, *_, last = keras_internals.calls_in(branches)
    assert first.layer is branches.get_layer("twice")
    assert not isinstance(last.layer, keras.Layer)


def test_input_tensors_and_output_tensors_of_a_node_are_the_graphs(branches):
    first, second, add, *_ = keras_internals.calls_in(branches)
    assert first.inputs[0] is branches.inputs[0]
    assert second.inputs[0] is first.outputs[0]
    assert [id(tensor) for tensor in add.inputs] == [
        id(first.outputs[0]),
        id(second.outputs[0]),
    ]


def test_arguments_of_a_node_fill_in_other_tensors(branches):
    x = np.ones((1, 4, 4, 3), "float32")
    values = {id(branches.inputs[0]): keras.ops.convert_to_tensor(x)}
    for call in keras_internals.calls_in(branches):
        given = [values[id(tensor)] for tensor in call.inputs]
        values.update(zip(map(id, call.outputs), call.on(given), strict=True))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(values[id(branches.outputs[0])]),
        keras.ops.convert_to_numpy(branches(x, training=False)),
        rtol=1e-6,
    )


def test_arguments_of_a_node_keep_what_is_no_tensor():
    image = keras.Input((4,))
    kept = keras.layers.Dropout(0.9)(image, training=True)
    (call,) = keras_internals.calls_in(keras.Model(image, kept))
    (dropped,) = call.on([keras.ops.ones((1, 100))])
    assert keras.ops.convert_to_numpy(dropped).min() == 0


def test_functional_of_a_sequential_model_is_its_graph():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    graph = keras_internals.graph_in_sequential(model)
    assert isinstance(graph, keras.Function)
    assert [call.layer.name for call in keras_internals.calls_in(graph)] == ["dense"]
    assert keras_internals.graph_in_sequential(graph) is None


def test_keras_history_of_an_input_has_its_name(branches):
    assert keras_internals.name_of_input(branches.inputs[0]) == "picture"


# Layers and models


def test_operations_have_the_names_of_their_functions():
    x = keras.Input((1, 3))
    y = keras.ops.squeeze(keras.ops.softmax(keras.ops.sigmoid(x + 1), axis=2), 1)
    model = keras.Model(x, keras.layers.Softmax()(keras.ops.log_softmax(y)))
    operations = [call.layer for call in keras_internals.calls_in(model)]
    names = [keras_internals.operation_name(each) for each in operations]
    assert names == ["Add", "Sigmoid", "Softmax", "Squeeze", "LogSoftmax", None]
    assert keras_internals.axis_of(operations[2]) == 2


def test_operations_keep_what_they_are_made_with_and_given():
    image = keras.Input((8, 8, 3))
    kernel = np.ones((2, 2, 3, 1), "float32")
    maps = keras.ops.conv(image, kernel, strides=2, data_format="channels_last")
    maps = keras.ops.mean(maps[:, 1:], axis=[1, 2], keepdims=True)
    conv, item, mean = keras_internals.calls_in(keras.Model(image, maps))
    setting = keras_internals.setting_of
    assert (setting(conv.layer, "strides"), setting(conv.layer, "padding")) == (
        2,
        "valid",
    )
    assert (setting(mean.layer, "axis"), setting(mean.layer, "keepdims")) == (
        [1, 2],
        True,
    )
    given, _ = conv.arguments_with([1])
    assert given[0] == 1 and given[1] is kernel
    positional, named = item.arguments_with(item.inputs)
    key = (slice(None), slice(1, None))
    assert key in [*positional[1:], *named.values()]


def test_seed_generators_are_there_where_a_layer_is_random():
    assert keras_internals.draws_at_random(keras.layers.Dropout(0.5))
    assert not keras_internals.draws_at_random(keras.layers.Dense(1))


def test_flatten_layers_finds_a_layer_in_another():
    dropout = keras.layers.Dropout(0.5)
    wrapped = keras.layers.TimeDistributed(dropout)
    assert keras_internals.parts_of(wrapped) == [wrapped, dropout]


def test_call_has_training_arg_tells_which_layers_take_training():
    class Plain(keras.layers.Layer):
        def call(self, x):
            return x

    assert keras_internals.takes_training(keras.layers.Dropout(0.5))
    assert not keras_internals.takes_training(Plain())


def test_flatten_layers_finds_classes_without_a_module_and_unknown_ones():
    # As R makes them: where a class is defined says its module, and there is no where.
    made = "type('Ours', (Layer,), {}), type('Inner', (Layer,), {})"
    ours, inner = eval(made, {"Layer": keras.layers.Layer})
    assert not hasattr(ours, "__module__")
    within = keras.Sequential([keras.Input((2,)), inner()])
    model = keras.Sequential([keras.Input((2,)), ours(), within])
    keras_internals.name_modules(model)
    assert ours.__module__ == inner.__module__ == "__main__"
    assert keras.layers.Dense.__module__.startswith("keras.")
    assert keras_internals.unknown_in_layers(model) == [inner, ours]
    keras.saving.register_keras_serializable("here")(ours)
    assert keras_internals.unknown_in_layers(model) == [inner]
    assert keras_internals.unknown_in_layers(reticnn.build_cnn()) == []


def test_what_a_model_is_compiled_with_is_looked_for():
    class Mine(keras.optimizers.SGD):
        pass

    def off(targets, outputs):
        return keras.ops.mean(outputs)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert keras_internals.unknown_in_compiling(model) == []
    model.compile(Mine(), "mse", metrics=["mae", off, keras.metrics.AUC()])
    assert keras_internals.unknown_in_compiling(model) == [Mine, off]
    assert keras_internals.unknown_in_layers(model) == []
    model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)
    assert keras_internals.unknown_in_layers(model) == []

    def relu(x):
        return x

    assert keras_internals.taken_for_kerass_own([Mine, off, relu]) == [relu]


def test_variables_are_announced_before_they_are_made():
    shapes = []
    layer = keras.layers.Dense(3)
    with keras_internals.before_each_variable(lambda shape, _: shapes.append(shape)):
        layer.build((None, 2))
    keras.layers.Dense(4).build((None, 2))
    assert list(map(tuple, shapes)) == [(2, 3), (3,)]


def test_constants_are_announced_before_they_are_spread():
    def refuse(value, shape):
        raise ValueError(f"{value[0]} for {shape[0]} units")

    constant = keras.initializers.Constant([3.0])
    layer = keras.layers.LSTM(2, bias_initializer=constant)
    with (
        keras_internals.before_each_constant(refuse),
        pytest.raises(ValueError, match=r"3[.]0 for 2 units"),
    ):
        layer.build((None, 4, 2))
    assert constant((2,)).shape == (2,)


def test_seed_generator_state_is_what_random_layers_draw_from():
    model = keras.Sequential(
        [keras.Input((50,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    if BACKEND == "torch":
        return  # Its dropout draws from torch's own state.
    (state,) = keras_internals.random_states(model)
    ones = np.ones((1, 50), "float32")

    def dropped():
        state.assign(np.array([7, 0], "uint32"))
        return keras.ops.convert_to_numpy(model.layers[0](ones, training=True))

    np.testing.assert_array_equal(dropped(), dropped())


def test_layers_of_a_model_take_another(branches):
    late = keras.layers.Dense(1, name="late")
    late.build((None, 2))
    for _ in range(2):
        keras_internals.add_layer(branches, late)
    weights = [id(weight) for weight in branches.trainable_weights]
    assert [weights.count(id(weight)) for weight in late.weights] == [1, 1]


def test_model_variables_moving_average_holds_the_averages():
    variable = variable_of(2)
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    assert keras_internals.averages(optimizer) == []
    optimizer.build([variable])
    optimizer.apply([keras.ops.ones((2,))])
    optimizer.apply([keras.ops.ones((2,))])
    # After the first step the weights themselves, 0; then halfway to -1.
    (average,) = keras_internals.averages(optimizer)
    assert keras.ops.convert_to_numpy(average).tolist() == [-0.5, -0.5]
    assert keras_internals.averages(built(keras.optimizers.SGD(), variable)) == []


def test_compile_config_is_what_compile_was_given(compiled):
    model, metric = compiled
    given = keras_internals.compiled_as_given(model)
    assert given["metrics"] == [metric]
    names = ["optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"]
    assert list(given)[:5] == names
    model.compile("sgd", "mse")
    assert keras_internals.compiled_as_given(model)["metrics"] is None
    model.compile(**given)


def test_compile_loss_is_a_loss_made_of_a_name():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "binary_crossentropy")
    loss = keras_internals.compiled_loss(model)
    # As in Keras, codes fit outputs of one unit.
    targets, outputs = np.array([0, 1]), np.array([[0.5], [0.25]], "float32")
    value = loss(targets, outputs, np.array([1.0, 1.0], "float32"))
    assert float(value) == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-5)


def test_compile_config_says_which_optimizer_is_saved(compiled, tmp_path):
    model, _ = compiled
    model.optimizer.build(model.trainable_variables)
    other = built(keras.optimizers.SGD(0.5), *model.trainable_variables)
    assert model._compile_config.config["optimizer"] is not other
    keras_internals.set_optimizer(model, other)
    assert model._compile_config.config["optimizer"] is other
    model.save(tmp_path / "it.keras")
    loaded = keras.saving.load_model(tmp_path / "it.keras")
    assert float(loaded.optimizer.learning_rate) == 0.5


def test_file_of_a_model_has_the_state_of_its_optimizer(compiled, tmp_path):
    model, _ = compiled
    optimizer = built(
        keras.optimizers.SGD(0.5, momentum=0.9), *model.trainable_variables
    )
    optimizer.variables[2].assign(keras.ops.ones(optimizer.variables[2].shape))
    keras_internals.set_optimizer(model, optimizer)
    model.save(tmp_path / "it.keras")
    loaded = keras.saving.load_model(tmp_path / "it.keras")
    keras_internals.load_new_optimizer(loaded, tmp_path / "it.keras")
    assert loaded.optimizer.built
    for ours, theirs in zip(
        loaded.optimizer.variables, optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))


def test_compile_config_is_made_anew_by_compiling(compiled):
    model, _ = compiled
    assert not keras_internals.compiled_here(model)
    keras_internals.note_compiled_here(model)
    assert keras_internals.compiled_here(model)
    model.compile("sgd", "mse")
    assert not keras_internals.compiled_here(model)


def test_loss_tracker_has_the_mean_loss(compiled):
    model, _ = compiled
    x = np.ones((4, 2), "float32")
    logs = model.train_on_batch(x, np.ones((4, 1), "float32"), return_dict=True)
    tracked = float(keras_internals.mean_loss(model).result())
    assert tracked == pytest.approx(float(logs["loss"]))


def test_jax_state_sync_is_there():
    assert "def jax_state_sync(self)" in source_of("backend/jax/trainer.py")


@only_jax
def test_jax_state_sync_brings_the_weights_back(compiled):
    model, _ = compiled
    before = model.get_weights()[0]

    class CutOff(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(np.ones((4, 2)), 9 * np.ones((4, 1)), verbose=0, callbacks=[CutOff()])
    keras_internals.sync_weights(model)
    assert not np.array_equal(model.get_weights()[0], before)


def test_make_function_is_there():
    text = source_of("backend/jax/trainer.py")
    assert "def _make_function(self, step_function, concatenate_outputs=False)" in text


@only_jax
def test_make_function_runs_steps_that_leave_the_weights_in_place(compiled):
    model, metric = compiled
    images, targets = np.ones((4, 2)), np.ones((4, 1))
    kept = [variable.value for variable in model.variables]
    outputs = keras_internals.predicted(model, images)
    logs = keras_internals.measured(model, images, targets)
    assert all(np.isfinite(np.asarray(value)).all() for value in kept)
    np.testing.assert_allclose(outputs, model.predict(images, verbose=0))
    again = model.evaluate(images, targets, return_dict=True, verbose=0)
    assert logs == pytest.approx(again)
    assert float(metric.result()) == pytest.approx(logs["squares"])
    model.fit(images, targets, verbose=0)
    after = keras_internals.predicted(model, images)
    np.testing.assert_allclose(after, model.predict(images, verbose=0))
    assert not np.allclose(after, outputs)


# Optimizers


def test_inner_optimizer_is_what_loss_scaling_wraps():
    inner = keras.optimizers.SGD()
    outer = keras.optimizers.LossScaleOptimizer(inner)
    assert keras_internals.innermost(outer) is inner
    assert keras_internals.innermost(inner) is inner


def test_clip_gradients_is_done_by_whoever_is_to():
    variable = keras.Variable([0.0, 0.0])
    optimizer = built(keras.optimizers.SGD(1.0, global_clipnorm=1.0), variable)
    gradient = keras.ops.convert_to_tensor([3.0, 4.0])
    assert keras_internals.clips(optimizer)
    assert not keras_internals.clips(keras.optimizers.SGD())
    with keras_internals.clipping_left_to_us(optimizer) as clip:
        (clipped,) = clip([gradient])
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(clipped), [0.6, 0.8], rtol=1e-6
        )
        optimizer.apply([gradient])
    value = keras.ops.convert_to_numpy(variable)
    np.testing.assert_allclose(value, [-3, -4], rtol=1e-6)
    optimizer.apply([gradient])
    value = keras.ops.convert_to_numpy(variable)
    np.testing.assert_allclose(value, [-3.6, -4.8], rtol=1e-6)


def test_learning_rate_of_an_optimizer_is_a_variable_or_its_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    followed = keras.optimizers.SGD(schedule)
    assert keras_internals.rate_or_schedule(followed) is schedule
    constant = keras.optimizers.SGD(0.25)
    rate = keras_internals.rate_or_schedule(constant)
    assert float(keras.ops.convert_to_numpy(rate)) == 0.25


def test_learning_rate_of_scaled_losses_is_that_of_the_steps():
    inner = keras.optimizers.SGD(0.25)
    outer = keras.optimizers.LossScaleOptimizer(inner)
    rate = keras_internals.rate_or_schedule(outer)
    assert float(keras.ops.convert_to_numpy(rate)) == 0.25


def test_learning_rate_is_left_out_of_the_settings():
    def rate(step):
        raise AssertionError("nobody is to ask for it")

    optimizer = keras.optimizers.SGD(rate, momentum=0.5)
    settings = keras_internals.settings_of(optimizer)
    assert settings["momentum"] == 0.5
    assert "learning_rate" not in settings
    assert keras_internals.rate_or_schedule(optimizer) is rate
    assert len(optimizer.variables) == 1
    constant = keras.optimizers.SGD(0.25)
    keras_internals.settings_of(constant)
    assert float(constant.learning_rate) == 0.25
    assert len(constant.variables) == 2


def test_new_optimizer_is_like_another_but_for_its_state():
    inner = keras.optimizers.SGD(0.25, momentum=0.5)
    outer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    built(outer, variable_of(2))
    made = keras_internals.new_like(outer)
    assert made.initial_scale == 8.0
    assert not made.built
    assert made.inner_optimizer is not inner
    assert made.inner_optimizer.momentum == 0.5
    assert float(made.learning_rate) == 0.25
    changed = keras_internals.new_like(inner, 0.5, momentum=0.75)
    assert (float(changed.learning_rate), changed.momentum) == (0.5, 0.75)


@pytest.mark.parametrize("scaled", [False, True])
def test_the_rate_is_a_variable_in_its_place_unless_it_follows_a_schedule(scaled):
    optimizer = keras.optimizers.Adam(0.1)
    outer = keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
    outer.build([keras.Variable([1.0])])
    place, there = keras_internals.place_of_rate(outer)
    assert there
    assert outer.variables[place] is optimizer._learning_rate
    others = [v for v in outer.variables if v is not optimizer._learning_rate]
    optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(0.1, 9)
    assert keras_internals.place_of_rate(outer) == (place, False)
    assert list(map(id, outer.variables)) == list(map(id, others))


def test_iterations_count_batches_where_gradients_are_accumulated():
    one = variable_of(2)
    optimizer = keras.optimizers.SGD(0.25, gradient_accumulation_steps=2)
    optimizer.build([one])
    for _ in range(3):
        optimizer.apply([keras.ops.ones((2,))], [one])
    assert keras_internals.steps_done(optimizer) == 3
    assert int(optimizer.iterations) == 1


def test_kernel_and_embeddings_are_what_adapters_are_trained_for():
    dense, embedding = keras.layers.Dense(2), keras.layers.Embedding(3, 2)
    for layer, shape in ((dense, (None, 2)), (embedding, (None,))):
        layer.build(shape)
        layer.enable_lora(1)
        layer.trainable = False
        layer.trainable = True
        keras_internals.freeze_under_adapters(layer)
        names = [weight.name for weight in layer.trainable_weights]
        assert [name for name in names if "lora" not in name] in ([], ["bias"])
        assert sum("lora" in name for name in names) == 2


def test_trainable_variables_of_an_optimizer_are_those_it_was_built_for():
    one, other = variable_of(2), variable_of(3)
    inner = keras.optimizers.SGD()
    for optimizer in (inner, keras.optimizers.LossScaleOptimizer(inner)):
        built(optimizer, one, other)
        known = keras_internals.trained_by(optimizer)
        assert [id(variable) for variable in known] == [id(one), id(other)]


def test_get_variable_index_counts_the_variables():
    one, other = variable_of(2), variable_of(3)
    optimizer = built(keras.optimizers.SGD(), one, other)
    assert keras_internals.position_of(optimizer, one) == 0
    assert keras_internals.position_of(optimizer, other) == 1


def test_use_weight_decay_is_false_of_what_is_excluded():
    one, other = variable_of(2), variable_of(3)
    named = keras.Variable(np.zeros(2), name="bias")
    optimizer = keras.optimizers.AdamW()
    assert not keras_internals.spares_from_decay(optimizer, one)
    optimizer.exclude_from_weight_decay(var_list=[one], var_names=["bias"])
    assert keras_internals.spares_from_decay(optimizer, one)
    assert keras_internals.spares_from_decay(optimizer, named)
    assert not keras_internals.spares_from_decay(optimizer, other)


def test_exclude_from_weight_decay_can_be_set_once_built():
    one, other = variable_of(2), variable_of(2)
    optimizer = keras.optimizers.SGD(0.5, weight_decay=0.5)
    built(optimizer, one, other)
    for variable in (one, other):
        variable.assign(np.ones(2))
    optimizer.apply([keras.ops.zeros(2)] * 2)
    keras_internals.spare_from_decay(optimizer, [other])
    optimizer.apply([keras.ops.zeros(2)] * 2)
    np.testing.assert_allclose(one, 0.75**2)
    np.testing.assert_allclose(other, 0.75)


def changes_within(optimizer):
    """Take a step with gradients of 1; return how much each context saw it change."""
    changes = []

    @contextlib.contextmanager
    def noting(variables):
        (variable,) = variables
        before = float(keras.ops.sum(variable))
        yield
        changes.append(before - float(keras.ops.sum(variable)))

    with keras_internals.steps_within(optimizer, noting):
        optimizer.apply([keras.ops.ones(1)])
    return changes


def test_backend_update_step_is_what_changes_the_weights():
    variable = variable_of(1)
    optimizer = built(keras.optimizers.SGD(0.5), variable)
    assert 0.5 in changes_within(optimizer)
    # Afterwards it is as it was.
    optimizer.apply([keras.ops.ones(1)])
    assert float(keras.ops.sum(variable)) == 0


def test_apply_weight_decay_is_what_decays_the_weights():
    optimizer = keras.optimizers.SGD(0.5, weight_decay=0.5)
    assert changes_within(built(optimizer, variable_of(1))) == [0.25, 0.5]


# Variables on several devices


def test_initialize_makes_a_variable_again_with_its_value():
    variable = variable_of(2, 3)
    variable.assign(np.arange(6.0).reshape(2, 3))
    tensor = variable.value
    keras_internals.make_anew(variable)
    assert variable.value is not tensor
    value = keras.ops.convert_to_numpy(variable)
    assert value.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_layout_of_a_variable_is_asked_where_it_is_assigned():
    assert "self._layout is not None" in source_of("backend/jax/core.py")


@only_jax
def test_layout_of_a_variable_places_its_values(run_python):
    code = """
import keras
from reticnn.runtime.keras_internals import set_layout
devices = keras.distribution.list_devices()
distribution = keras.distribution.DataParallel(devices=devices)
variable = keras.Variable([1.0, 1.0])
assert len(variable.value.devices()) == 1
set_layout(variable, distribution.get_variable_layout(variable).backend_layout)
variable.assign([2.0, 3.0])
assert len(variable.value.devices()) == len(devices) == 2
assert keras.ops.convert_to_numpy(variable).tolist() == [2, 3]
"""
    two = "--xla_force_host_platform_device_count=2"
    done = run_python(code, XLA_FLAGS=two)
    assert done.returncode == 0, done.stderr


def test_var_key_is_another_for_each_variable():
    one, other = variable_of(2), variable_of(2)
    optimizer = keras.optimizers.SGD()
    keys = [keras_internals.key_of(optimizer, v) for v in (one, other, one)]
    assert keys[0] == keys[2] != keys[1]


@pytest.fixture
def moved():
    """Return an optimizer that follows two variables made anew, the second spared."""
    if BACKEND != "tensorflow":
        pytest.skip("TensorFlow's own")
    import tensorflow as tf

    variables = variable_of(2), variable_of(2)
    optimizer = keras.optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variables[1]])
    built(optimizer, *variables)
    optimizer.apply([keras.ops.zeros(2)] * 2)
    keys = {}
    for variable in variables:
        variable.assign(np.ones(2))
        old = keras_internals.key_of(optimizer, variable)
        keras_internals.make_anew(variable)
        keys[old] = keras_internals.key_of(optimizer, variable)
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    keras_internals.follow_variables(optimizer, strategy, keys)
    return optimizer, variables, strategy


def test_trainable_variables_indices_go_by_the_keys(moved):
    optimizer, variables, _ = moved
    positions = [keras_internals.position_of(optimizer, v) for v in variables]
    assert positions == [0, 1]


def test_exclude_from_weight_decay_cache_forgets_the_old_keys(moved):
    optimizer, variables, _ = moved
    optimizer.apply([keras.ops.zeros(2)] * 2)
    values = [keras.ops.convert_to_numpy(variable).tolist() for variable in variables]
    assert values == [[0.75, 0.75], [1, 1]]
    assert len(optimizer._exclude_from_weight_decay_cache) == 2


def test_distribution_strategy_of_an_optimizer_is_the_one_it_steps_under(moved):
    optimizer, _, strategy = moved
    assert "self._distribution_strategy = " in source_of(
        "backend/tensorflow/optimizer.py"
    )
    assert optimizer._distribution_strategy is strategy


@only_tensorflow
def test_collective_key_base_sets_two_strategies_apart():
    import tensorflow as tf

    assert hasattr(tf.distribute.MirroredStrategy, "_collective_key_base")
    one, other = (keras_internals.mirrored_strategy(["cpu:0"]) for _ in range(2))
    assert one._collective_key_base != other._collective_key_base


# The rule: no other module of the core reaches for them


def privates_in(tree):
    """Yield private names that are reached for as attributes, and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") in {"getattr", "hasattr", "setattr"}
            and isinstance(node.args[1], ast.Constant)
        ):
            name = node.args[1].value
        else:
            continue
        if name.startswith("_") and not name.startswith("__"):
            yield name, node.lineno


def privates_made_in(tree):
    """Yield private names that classes give themselves, one way or another."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in (node for made in classes for node in ast.walk(made)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            yield from _names_stored(node)
        elif isinstance(node, ast.keyword):
            # self.__dict__.update(_name=...), where a class takes no attributes.
            yield node.arg


def _names_stored(node):
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
        yield node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        # self.__dict__["_name"] = ..., likewise.
        yield node.slice.value


TREES = {
    file.relative_to(CORE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(CORE.rglob("*.py"))
}
OURS = {
    name
    for path, tree in TREES.items()
    if path != INTERNALS.relative_to(CORE).as_posix()
    for name in privates_made_in(tree)
}
OWN_FILE = TREES[INTERNALS.relative_to(CORE).as_posix()]
OF_KERAS = {name for name, _ in privates_in(OWN_FILE)} - set(privates_made_in(OWN_FILE))
# Of the operating system, of frames, of modules and of named tuples.
OF_PYTHON = {"_exit", "_getframe", "_initializing", "_replace"}


def test_rule_finds_what_it_is_for():
    text = "class A:\n def b(self):\n  self._own = x._theirs = getattr(x, '_text')"
    tree = ast.parse(text)
    assert {name for name, _ in privates_in(tree)} == {"_own", "_theirs", "_text"}
    assert "_own" in set(privates_made_in(tree))
    assert "_theirs" not in set(privates_made_in(tree))
    assert {"_nodes_by_depth", "_var_key", "_functional"} <= OF_KERAS


@pytest.mark.parametrize("path", TREES)
def test_private_attributes_of_keras_are_reached_for_in_one_file(path):
    if path == INTERNALS.relative_to(CORE).as_posix():
        return
    for name, line in privates_in(TREES[path]):
        ours = name in OURS and name not in OF_KERAS
        assert ours or name in OF_PYTHON, (
            f"{path}, line {line}: {name!r} is not of the core's own classes. Reach "
            "for it in runtime/keras_internals.py, with a test of its own"
        )


@pytest.mark.parametrize("name", sorted(OF_KERAS))
def test_private_attribute_has_a_test_of_its_name(name):
    assert any(name.strip("_") in test for test in globals() if test[:5] == "test_")


# Scopes


def cut_off_at_its_end(make):
    """Enter a scope that is left in place, as by Ctrl-C at its very end."""

    def cut_off():
        scope = make()
        scope.__enter__()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), keras_internals.scopes_kept():
        cut_off()


@pytest.mark.parametrize(
    "scope",
    [
        lambda: keras.name_scope("mine"),
        lambda: keras.StatelessScope(),
        lambda: keras.src.backend.common.symbolic_scope.SymbolicScope(),
        lambda: keras.src.backend.common.variables.AutocastScope("float16"),
        lambda: keras.RematScope(),
    ],
)
def test_scopes_of_keras_that_were_not_left_are_put_back(scope):
    def names():
        return keras.Variable([0.0], name="one").path, variable_of(2).value.dtype

    before = names()
    cut_off_at_its_end(scope)
    assert names() == before
    assert not keras.src.backend.in_stateless_scope()
    assert keras.src.backend.common.remat.get_current_remat_mode() is None


def left_in(scope):
    """Stay in a scope of TensorFlow, and return whether that has been put back."""
    import tensorflow as tf

    cut_off_at_its_end(scope)
    return tf.executing_eagerly() and (tf.constant([1.0]) + 1).numpy() == [2.0]


@only_tensorflow
def test_default_graph_stack_is_put_back():
    import tensorflow as tf

    assert left_in(lambda: tf.Graph().as_default())
    assert tf.Variable(1.0, name="v").name == "v:0"


@only_tensorflow
def test_context_switches_are_put_back():
    from tensorflow.python.framework import func_graph

    assert left_in(lambda: func_graph.FuncGraph("f").as_default())


@only_tensorflow
def test_thread_local_data_are_put_back():
    import tensorflow as tf

    assert left_in(lambda: tf.device("/cpu:0"))
    assert left_in(lambda: tf.name_scope("mine"))
    assert tf.Variable(1.0, name="v").name == "v:0"


def test_metrics_say_in_which_direction_they_get_better():
    direction = keras_internals.metric_direction
    assert direction(keras.metrics.AUC()) == "up"
    assert direction(keras.metrics.BinaryAccuracy()) == "up"
    assert direction(keras.metrics.MeanSquaredError()) == "down"
    assert direction(None) is None


def test_serialiser_asks_for_tensorflow_by_this_name():
    serialiser = keras.src.saving.serialization_lib
    assert serialiser.tf.available == ("tensorflow" in sys.modules)
    # What it does with objects of TensorFlow's, if there are any, stays as it is.
    if BACKEND == "tensorflow":
        import tensorflow as tf

        assert keras.saving.serialize_keras_object(tf.TensorShape((2, 3))) == [2, 3]
        assert keras.saving.serialize_keras_object(tf.float32) == "float32"
