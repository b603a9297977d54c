"""Our own recipes: for small photos from scratch, and for pretrained networks."""

import inspect

import numpy as np
import pytest

from reticnn import (
    fine_tune,
    fit_classifier,
    image_arrays,
    load_classifier,
    predict_images,
    save_classifier,
    shape_images,
    training_recipe,
)
from reticnn.runtime.backend import keras


def few_epochs(name, **changes):
    """Return a recipe for a test."""
    recipe = training_recipe(name)
    recipe.update({"epochs": 1, **changes})
    return recipe


@pytest.mark.slow
def test_small_trains_and_is_saved(tmp_path):
    """All of it together: its network, its settings, its test-time augmentation."""
    data = shape_images(40, seed=1)
    recipe = few_epochs("small")
    made = fit_classifier(data=data, progress="none", seed=1, **recipe)
    assert made.model.name == "small"
    assert made.augmentation == recipe["augmentation"]
    table = predict_images(made, data, **recipe.prediction)
    loaded = load_classifier(save_classifier(made, tmp_path / "small.reticnn"))
    again = predict_images(loaded, data, **recipe.prediction)
    assert again[".pred_square"] == pytest.approx(table[".pred_square"], abs=1e-5)
    again = fit_classifier(data=data, progress="none", seed=1, **few_epochs("small"))
    for one, other in zip(
        made.model.get_weights(), again.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("shape", "classes", "output"),
    [((32, 32, 3), 2, 1), ((9, 12, 1), 3, 3), ([48.0, 48.0, 3.0], 10.0, 10)],
)
def test_the_network_of_small_is_for_any_images(shape, classes, output):
    """In R's numbers too."""
    model = training_recipe("small")["model"](shape, classes)
    assert model.output_shape == (None, output)
    assert model.input_shape == (None, *map(int, shape))


def test_the_network_of_small_follows_its_seed():
    """The same seed, the same weights."""
    build = training_recipe("small")["model"]
    first, same, other = (build((8, 8, 3), seed=seed) for seed in (1, 1, 2))
    kernels = [
        model.get_layer("block1_1_conv").kernel for model in (first, same, other)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_the_network_of_small_begins_with_changes_and_colours():
    """Of one grey, it sees the light alone, in one of two filters of opposite signs."""
    model = training_recipe("small")["model"]((8, 8, 3))
    stem = keras.Model(model.input, model.get_layer("stem_relu").output)
    grey = np.full((1, 8, 8, 3), 200.0, "float32")
    seen = keras.ops.convert_to_numpy(stem(grey))[0, :-1, :-1]
    assert np.all(seen[..., 0] > 0.5)
    np.testing.assert_allclose(seen[..., 1:], 0, atol=1e-4)


@pytest.mark.slow
def test_small_takes_another_number_of_classes():
    """With the model that the recipe's function builds."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (12, 8, 8, 3)).astype("uint8")
    data = image_arrays(pixels, list("abc") * 4)
    recipe = few_epochs("small")
    recipe["model"] = recipe["model"]((8, 8, 3), 3)
    made = fit_classifier(data=data, progress="none", seed=1, **recipe)
    assert made.class_names == ["a", "b", "c"]


def test_transfer_has_the_defaults_of_fine_tune():
    """They are written twice, and are the same."""
    parameters = inspect.signature(fine_tune).parameters
    recipe = training_recipe("transfer")
    assert recipe
    assert recipe == {name: parameters[name].default for name in recipe}


@pytest.mark.parametrize(
    ("name", "function"), [("small", fit_classifier), ("transfer", fine_tune)]
)
def test_own_recipes_print_as_those_of_papers(name, function):
    """With the function that takes them, and why each setting is as it is."""
    recipe = training_recipe(name)
    assert set(recipe) <= set(inspect.signature(function).parameters)
    assert set(recipe.places) == set(recipe)
    printed = repr(recipe).splitlines()
    assert printed[0] == f"<Recipe> {name}, arguments of {function.__name__}():"
    assert printed[-1] == recipe.reference
    assert [line.split()[0] for line in printed[1 : 1 + len(recipe)]]
    for setting, place in recipe.places.items():
        assert place, setting
