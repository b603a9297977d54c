"""None for an argument that has a default: off where that exists, else the default."""

import inspect

import keras
import numpy as np
import pytest

import reticnn
from reticnn.coercion import none_as_default


def test_none_is_the_default_or_off():
    def ask(a, b, c=3, *, d=4, e=None, **more):
        return a, b, c, d, e, more

    asked = none_as_default(ask, {"d": 0})
    assert asked(None, 1, None, d=None, e=None, f=None) == (
        None,
        1,
        3,
        0,
        None,
        {"f": None},
    )
    assert asked(1, 2, 5, d=6) == (1, 2, 5, 6, None, {})
    assert inspect.signature(asked) == inspect.signature(ask)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        none_as_default(lambda a=1: a, {})(b=2)


def _defaulted(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _calls(tmp_path, classifier, shapes, tiny_cnn):
    """Return for each public function arguments without which it cannot be called.

    Those that would take minutes are given too, as their defaults are tested elsewhere.
    """
    image = keras.Input((32, 32, 64))
    few, x = shapes[:8], np.zeros((4, 16, 16, 3))
    scores = reticnn.evaluate_classifier(classifier, few)
    rates = {"learning_rate": [0.1, 0.2], "loss": [2.0, 1.0], "suggestion": None}
    described = reticnn.describe_model(classifier.model)
    policy = reticnn.augmentation(flip="horizontal")
    folder = tmp_path / "photos"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        keras.utils.save_img(folder / name / "1.png", x[0])
    tiles = reticnn.image_tiles(folder / "cat" / "1.png", 8)
    of_tiles = reticnn.predict_images(classifier, tiles)
    with_blocks = ("conv_block", "global_pool", "domain_adapter", "residual_block")
    with_blocks += ("inception_module", "dense_block", "transition_block")
    with_blocks += ("separable_block", "convnext_block")
    model = classifier.model
    # Not all of which are predicted correctly.
    images = reticnn.load_images(reticnn.shape_images(60, image_size=16, seed=9))
    labels = images["labels"]
    labels[::5] = labels[1::5]
    swapped = reticnn.image_arrays(images["images"], labels)
    return {
        **{name: {"x": image} for name in with_blocks},
        "classifier_head": {"x": keras.Input((64,))},
        "landmark_model": {"name": "lenet5"},
        "training_recipe": {"name": "resnet18"},
        "transfer_model": {"backbone": "mobilenet_0.25", "input_shape": (32, 32, 3)},
        "augment": {"images": x},
        "augmentation_layer": {"policy": policy},
        "image_folder": {"path": str(folder)},
        "image_table": {"paths": [str(folder / "cat" / "1.png")]},
        "image_tiles": {
            "paths": [str(folder / "cat" / "1.png")],
            "tile_size": 8,
        },
        "image_arrays": {"x": x},
        "check_images": {"path": str(folder)},
        "cats_and_dogs": None,  # It would download them.
        "reticnn_check": None,  # It takes no arguments, and trains.
        "teaching_kit": {"path": str(tmp_path / "class")},
        "split_images": {"data": shapes},
        "fold_images": {"data": shapes},
        "review_images": {"data": few},
        "load_images": {"data": few},
        "pca_color": {"data": few},
        "find_learning_rate": {"model": tiny_cnn(), "data": few, "steps": 20},
        "fit_classifier": {"model": tiny_cnn(), "data": few, "epochs": 1},
        "fine_tune": {"classifier": tiny_cnn(), "data": few, "epochs": 1},
        **{name: {"low": 1, "high": 2} for name in ("log_range", "real_range")},
        "whole_range": {"low": 1, "high": 2},
        "choice_of": {"values": [1, 2]},
        "tune_classifier": {
            "build": tiny_cnn,
            "data": few,
            "space": {"batch_size": [4, 8]},
            "trials": 1,
            "epochs": 1,
        },
        "learn_augmentation": {
            "model_fn": tiny_cnn,
            "data": shapes,
            "budget": 2,
            "trials": 2,
        },
        "predict_images": {"classifier": classifier, "images": few},
        "write_predictions": {
            "classifier": classifier,
            "images": str(folder),
            "path": str(tmp_path / "predictions.csv"),
        },
        "evaluate_classifier": {"classifier": classifier, "data": few},
        "novelty_scores": {
            "classifier": classifier,
            "images": few,
            "reference": few,
        },
        "novelty_threshold": {
            "classifier": classifier,
            "data": swapped,
            "reference": reticnn.shape_images(20, image_size=16, seed=1),
        },
        "prediction_sets": {"classifier": classifier, "data": swapped},
        "calibrate_classifier": {"classifier": classifier, "data": swapped},
        "explain_prediction": {"classifier": classifier, "images": few},
        "class_image": {"classifier": classifier, "steps": 1},
        "embed_images": {"classifier": classifier, "images": few},
        "similar_images": {"classifier": classifier, "images": few, "among": few},
        "save_classifier": {"classifier": classifier, "path": str(tmp_path / "a")},
        "load_classifier": {"path": str(tmp_path / "a")},
        "export_classifier": {
            "classifier": classifier,
            "path": str(tmp_path / "a.onnx"),
        },
        # Its port is another test's too.
        "serve_classifier": None,
        "report_explanation": {
            "explanation": reticnn.explain_prediction(classifier, few)
        },
        "report_classifier": {"classifier": classifier, "data": few},
        "plot_augmentation": {"image": few[:1], "policy": policy},
        "plot_confusion": {"evaluation": scores},
        "plot_curve": {"evaluation": scores},
        "compare_classifiers": {
            "classifiers": {"a": classifier, "b": classifier},
            "data": few,
        },
        "stress_test": {"classifier": classifier, "data": few, "changes": "noise"},
        "plot_comparison": {
            "comparison": reticnn.compare_classifiers(
                {"a": classifier, "b": classifier}, few
            )
        },
        "plot_stress": {"stress": reticnn.stress_test(classifier, few)},
        "plot_by": {
            "evaluation": reticnn.evaluate_classifier(classifier, few, by="label")
        },
        "evaluation_curve": {"evaluation": scores},
        "plot_cross_validation": {
            "cross_validation": reticnn.cross_validate(tiny_cnn, few, 2, epochs=1)
        },
        "cross_validate": {"build": tiny_cnn, "data": few, "v": 2, "epochs": 1},
        "ensemble_classifiers": {
            "classifiers": [
                classifier,
                reticnn.fit_classifier(tiny_cnn(), few, epochs=1, progress="none"),
            ]
        },
        "plot_description": {"description": described},
        "explanation_scores": {
            "explanation": reticnn.explain_prediction(classifier, few[:2]),
            "classifier": classifier,
        },
        "plot_explanation_scores": {
            "explanation_scores": reticnn.explanation_scores(
                reticnn.explain_prediction(classifier, few[:2]), classifier, "deletion"
            )
        },
        "plot_explanation": {
            "explanation": reticnn.explain_prediction(classifier, few)
        },
        "plot_class_images": {"class_images": reticnn.class_image(classifier, steps=1)},
        "plot_embedding": {"embedding": reticnn.embed_images(classifier, few)},
        "plot_similar_images": {
            "similar": reticnn.similar_images(classifier, few, few),
            "images": few,
            "among": few,
        },
        "plot_feature_maps": {"model": model, "image": few[:1]},
        "plot_filters": {"model": model},
        "plot_history": {"classifier": classifier},
        "plot_images": {"images": few},
        "plot_ladder": {"ladder": reticnn.convnext_ladder()},
        "plot_rates": {"rates": rates},
        "plot_tuning": {
            "tuning": reticnn.tune_classifier(tiny_cnn, few, {"epochs": 1}, trials=1)
        },
        "plot_tiles": {"predictions": of_tiles},
        "plot_review": {"review": reticnn.review_images(few + few), "data": few + few},
        "feature_maps": {"model": model, "images": few},
        "layer_window": {"model": model, "image": few},
        "receptive_field": {"model": model},
        "shift_response": {"model": model, "image": few},
        "plot_window": {"window": reticnn.sliding_window()},
        "plot_receptive_field": {"field": reticnn.receptive_field(model)},
        "plot_shift_response": {"shifts": reticnn.shift_response(model, few)},
        "save_animation": {"x": reticnn.sliding_window()},
        "shuffle_pixels": {"images": few},
        **{
            name: {"model": model}
            for name in ("describe_model", "architecture", "plot_architecture")
        },
        **{name: {"model": model} for name in ("layer_filters", "layer_table")},
        **{name: {"model": tiny_cnn()} for name in ("freeze", "unfreeze")},
    }


@pytest.mark.slow
def test_no_function_refuses_none_where_there_is_a_default(
    tmp_path, monkeypatch, classifier, shapes, tiny_cnn
):
    monkeypatch.chdir(tmp_path)
    calls = _calls(tmp_path, classifier, shapes, tiny_cnn)
    for name in sorted(reticnn.__all__, key="load_classifier".__eq__):
        given = calls.get(name, {})
        if given is None:
            continue
        function = getattr(reticnn, name)
        nothing = dict.fromkeys(_defaulted(function), None)
        assert function(**{**nothing, **given}) is not None, name
    assert (tmp_path / "report.html").exists()


def test_models_are_those_of_the_defaults():
    def size(function, **arguments):
        return getattr(reticnn, function)(**arguments).count_params()

    nothing = dict.fromkeys(("input_shape", "num_classes", "dropout", "output"), None)
    cnn, mlp = size("build_cnn"), size("build_mlp")
    assert size("build_cnn", **nothing, filters=None, n_blocks=None) == cnn
    assert size("build_mlp", **nothing) == mlp
    assert size("build_cnn", units=None) < cnn
    assert size("build_mlp", units=None) < mlp
    lenet = size("landmark_model", name="lenet5")
    assert size("landmark_model", name="lenet5", variant=None) == lenet
    x = keras.Input((8, 8, 3))
    assert reticnn.conv_block(x, pool=None).shape[1] == 8
    assert reticnn.conv_block(x, pool_size=None).shape[1] == 4


def test_switches_are_off_and_all_others_the_default():
    """Each argument whose documentation has a meaning for None is listed as such."""
    for name in reticnn.__all__:
        function = getattr(reticnn, name)
        documented = {
            argument
            for argument, default in _defaulted(function).items()
            if default is not None
            and f"    {argument}: " in function.__doc__
            and "None" in _entry(function.__doc__, argument)
        }
        off = {**reticnn._OFF, **reticnn._OFF_IN.get(name, {})}
        assert documented <= set(off), name


def _entry(docstring, argument):
    """Return what a docstring says of an argument."""
    text = docstring.split(f"        {argument}: ", 1)[-1]
    lines = text.split("\n")
    more = [line for line in lines[1:] if not line.startswith(" " * 12)]
    return "\n".join(lines[: lines.index(more[0])]) if more else text
