"""What settings may be, and which function they go to."""

import numpy as np
import pytest

import reticnn
from reticnn.tuning.routing import Routes
from reticnn.tuning.search_space import SearchSpace


def build(filters=8, dropout=0.0):
    return reticnn.build_cnn(filters=filters, dropout=dropout)


def test_ranges_and_choices_print_the_call_that_made_them():
    assert repr(reticnn.log_range(1e-4, 1e-2)) == "log_range(0.0001, 0.01)"
    assert repr(reticnn.whole_range(1.0, 4)) == "whole_range(1, 4)"
    some = reticnn.choice_of([0.5, True, None], when={"optimizer": "sgd"})
    assert repr(some) == "choice_of([0.5, True, None], when={'optimizer': 'sgd'})"


@pytest.mark.parametrize(
    "make, argument, part",
    [
        (lambda: reticnn.log_range(0, 1), "low", "above 0"),
        (lambda: reticnn.real_range(2, 1), "high", "above `low`"),
        (lambda: reticnn.whole_range(1, 1), "high", "a single value"),
        (lambda: reticnn.whole_range(1, 2.5), "high", "whole number"),
        (lambda: reticnn.choice_of([]), "values", "empty"),
        (lambda: reticnn.choice_of([1, 2, 1.0]), "values", "1 twice"),
        (lambda: reticnn.choice_of([1, True]), "values", "twice"),
        (lambda: reticnn.choice_of([float("nan")]), "values", "nan"),
    ],
)
def test_wrong_ranges_and_choices_are_refused(refused, make, argument, part):
    with refused(ValueError, argument, part):
        make()


def test_choices_that_nothing_stands_for_need_names(refused):
    with refused(TypeError, "values", "names of your own"):
        reticnn.choice_of([object()])
    policy = reticnn.augmentation(rotation=0.1)
    named = reticnn.choice_of({"none": None, "turned": policy})
    assert named.value("turned") is policy
    assert reticnn.choice_of([None, policy]).labels()[0] is None


def test_numbers_without_a_fraction_are_whole_for_the_builder():
    given = reticnn.choice_of([16.0, 0.5, [8.0, 16]])
    values = [given.value(label) for label in given.labels()]
    assert values == [16, 0.5, [8, 16]]
    assert [type(value) for value in values] == [int, float, list]


def test_conditions_leave_settings_out_whatever_their_order():
    space = SearchSpace(
        {
            "momentum": reticnn.choice_of([0.5, 0.9], when={"optimizer": ["sgd"]}),
            "optimizer": ["adam", "sgd"],
        }
    )
    grid = [tuple(sorted(labels.items())) for labels in space.grid()]
    assert len(grid) == len(set(grid)) == 3
    assert (("optimizer", "adam"),) in grid


@pytest.mark.parametrize(
    "space, part",
    [
        ({"a": reticnn.choice_of([1], when={"b": 1})}, "'b', which is not in"),
        (
            {"a": reticnn.choice_of([1], when={"b": 3}), "b": [1, 2]},
            "never is",
        ),
        (
            {"a": reticnn.choice_of([1], when={"b": 1}), "b": reticnn.real_range(0, 2)},
            "ever drawn twice",
        ),
        (
            {
                "a": reticnn.choice_of([1], when={"b": 1}),
                "b": reticnn.choice_of([1], when={"a": 1}),
            },
            "depend on each other",
        ),
        ({"a": [1, [object()]]}, "names of your own"),
    ],
)
def test_spaces_that_cannot_be_searched_are_refused(space, part):
    with pytest.raises((ValueError, TypeError), match=part):
        SearchSpace(space)


def test_grids_want_single_values(refused):
    space = SearchSpace({"a": reticnn.real_range(0, 1), "b": [1]})
    with refused(ValueError, "space", "a grid needs values"):
        space.grid()
    whole = SearchSpace({"a": reticnn.whole_range(1, 3), "b": [1, 2]})
    assert len(whole.grid()) == 6


def test_settings_go_where_their_names_say():
    names = ["filters", "learning_rate", "augmentation.rotation"]
    routes = Routes(build, names, {"epochs": 3})
    values = {"filters": 4, "learning_rate": 0.1, "augmentation.rotation": 0.2}
    of_build, of_training = routes.routed(values)
    assert of_build == {"filters": 4}
    policy = of_training.pop("augmentation")
    assert of_training == {"epochs": 3, "learning_rate": 0.1}
    assert policy.to_config() == reticnn.augmentation(rotation=0.2).to_config()


@pytest.mark.parametrize(
    "function, names, settled, part",
    [
        (build, ["filter"], {}, "Did you mean 'filters'"),
        (lambda batch_size: None, ["batch_size"], {}, "unclear which is meant"),
        (build, ["epochs"], {"epochs": 3}, "given as an argument too"),
        (build, ["augmentation.rotat"], {}, "Did you mean 'rotation'"),
        (build, ["augmentation.flip"], {"augmentation": None}, "Leave one"),
        (build, ["filters"], {"epoch": 3}, "Did you mean 'epochs'"),
        (build, ["seed"], {}, "each trial has its own"),
        (build, ["filters"], {"checkpoint_dir": "a"}, "in `study`"),
        (lambda units: None, ["epochs"], {}, "`build` needs `units`"),
    ],
)
def test_names_of_no_function_or_of_two_are_refused(function, names, settled, part):
    with pytest.raises(ValueError, match=part):
        Routes(function, names, settled)


def test_a_builder_that_takes_anything_gets_what_is_not_for_training():
    routes = Routes(lambda **given: given, ["units", "epochs"], {})
    assert routes.routed({"units": 3, "epochs": 2}) == ({"units": 3}, {"epochs": 2})


def test_an_optimizer_is_made_anew_for_each_trial():
    import keras

    given = keras.optimizers.SGD(0.3, momentum=0.5)
    routes = Routes(build, ["filters"], {"optimizer": given})
    made = [routes.routed({"filters": 4})[1]["optimizer"] for _ in range(2)]
    assert made[0] is not made[1]
    assert float(made[0].momentum) == 0.5
    assert np.isclose(float(made[0].learning_rate), 0.3)
