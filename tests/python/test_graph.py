"""One walk over a model: what is visited, in what order, with what values."""

import keras
import numpy as np
import pytest

from reticnn import build_cnn
from reticnn.graph import (
    as_graph,
    copy_of,
    graph_of,
    named_layers,
    scales_and_biases,
    walk,
)
from reticnn.pretrained.layer_groups import rate_factors


@pytest.fixture
def nested():
    """Return a model with a nested one of two outputs, used twice, and an operation."""
    image = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(3, 1, name="conv")(image)
    pool = keras.layers.AveragePooling2D(2, name="pool")
    inner = keras.Model(image, [conv, pool(conv)], name="inner")
    pixels = keras.Input((4, 4, 3), name="pixels")
    once, small = inner(pixels)
    _, other = inner(once)
    joined = keras.layers.Concatenate(name="join")([small, other])
    return keras.Model(pixels, [keras.ops.relu(joined), once])


def visits(graph, **options):
    """Return the names of the layers in the order of a walk."""
    names = []

    def visit(call, name, given):
        names.append(name)
        return [None] * len(call.outputs)

    walk(graph, [None] * len(graph.inputs), visit, **options)
    return names


def test_each_call_is_visited_after_those_it_depends_on(nested):
    *names, last = visits(nested)
    assert names == [*["inner/conv", "inner/pool"] * 2, "join"]
    assert last.startswith("relu")


def test_nested_models_are_entered_only_where_wanted(nested):
    first, *_ = visits(nested, enters=lambda call, given: False)
    assert first == "inner"
    assert "inner/conv" not in visits(nested, enters=lambda call, given: False)
    assert visits(nested, enters=lambda call, given: True) == visits(nested)


def test_computing_on_the_way_gives_what_the_model_gives(nested):
    x = np.random.default_rng(1).random((2, 4, 4, 3), "float32")
    outputs = walk(nested, [x], lambda call, name, given: call.on(given))
    for one, other in zip(outputs, nested(x), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other), 1e-6
        )


def test_values_of_any_kind_go_along_the_graph(nested):
    def count(call, name, given):
        return [1 + max(given)] * len(call.outputs)

    # conv, pool or conv, pool, join, relu; and conv alone for the second output.
    assert walk(nested, [0], count) == [5, 1]


def test_named_layers_have_each_layer_once(nested):
    layers = named_layers(nested)
    assert list(layers)[:3] == ["inner/conv", "inner/pool", "join"]
    assert layers["inner/conv"] is nested.get_layer("inner").get_layer("conv")


def test_sequential_models_are_graphs_and_others_are_not():
    sequential = keras.Sequential(
        [keras.Input((8, 8, 3)), build_cnn((8, 8, 3), n_blocks=1)]
    )
    assert "cnn/block1_conv1" in visits(as_graph(sequential))

    class Own(keras.Model):
        def call(self, x):
            return x

    assert graph_of(Own()) is None
    assert graph_of(keras.layers.Dense(1)) is None


@keras.saving.register_keras_serializable("reticnn.tests")
class _Within(keras.layers.Layer):
    """A layer with a frozen layer in it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.scale = keras.layers.BatchNormalization(trainable=False)
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(self.scale(inputs))


def test_copy_is_frozen_where_the_model_is():
    pixels = np.random.default_rng(1).uniform(0, 255, (20, 6, 6, 3)).astype("float32")
    normalisation = keras.layers.Normalization()
    normalisation.adapt(pixels)
    frozen_bias, adapted = keras.layers.Dense(8), keras.layers.Dense(3)
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Flatten()(normalisation(inputs))
    model = keras.Model(inputs, adapted(_Within()(frozen_bias(x))))
    frozen_bias.bias.trainable = False
    adapted.enable_lora(2)

    def trained(model):
        return [weight.path.rpartition("/")[2] for weight in model.trainable_weights]

    copy = copy_of(model)
    assert trained(copy) == trained(model)
    assert trained(model) == [
        "kernel",
        "kernel",
        "bias",
        "bias",
        "lora_kernel_a",
        "lora_kernel_b",
    ]
    have, want = (keras.ops.convert_to_numpy(one(pixels)) for one in (copy, model))
    np.testing.assert_allclose(have, want, rtol=1e-6)


def test_biases_and_normalisations_of_several_axes_are_no_kernels():
    image = keras.Input((4, 4, 3))
    x = keras.layers.LayerNormalization(axis=[1, 2, 3], name="norm")(image)
    x = keras.layers.Reshape((16, 3))(x)
    x = keras.layers.MultiHeadAttention(2, 2, name="heads")(x, x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(image, keras.layers.Dense(2, name="top")(x))
    small = {id(weight) for weight in scales_and_biases(model)}
    kernels = [v.path for v in model.trainable_weights if id(v) not in small]
    assert len(kernels) == 5
    assert all(path.endswith("/kernel") for path in kernels)
    factors = rate_factors(model, 0.5)
    of_norm = {factors[id(weight)] for weight in model.get_layer("norm").weights}
    of_heads = {factors[id(weight)] for weight in model.get_layer("heads").weights}
    assert (of_norm, of_heads) == ({0.25}, {0.5})
