"""What a model has been trained on, how it began, and whether it has changed."""

import gc
import warnings
import weakref

import numpy as np
import pytest

from reticnn import (
    augmentation,
    build_cnn,
    evaluate_classifier,
    find_learning_rate,
    fine_tune,
    fit_classifier,
    image_arrays,
    image_table,
    load_classifier,
    memory,
    predict_images,
    save_classifier,
    shape_images,
    transfer_model,
)
from reticnn.data.hashing import hashed, hashes_of, image_hashes
from reticnn.memory import SeenImages, fingerprint, seen_by
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import (
    SeenImagesWarning,
    StaleClassifierWarning,
    TrainedModelWarning,
)

IMAGES = shape_images(40, image_size=16, seed=1)
OTHERS = shape_images(20, image_size=16, seed=9)


def network(**options):
    settled = {"filters": 2, "n_blocks": 1, "units": 4, "batch_norm": True, "seed": 1}
    return build_cnn((16, 16, 3), **{**settled, **options})


def fit(model, data=IMAGES, **options):
    settled = {"epochs": 1, "progress": "none", "seed": 1, "optimizer": "sgd"}
    return fit_classifier(model, data, **{**settled, **options})


def kinds(function, *arguments, **options):
    """Return what a function returns, and the kinds of our warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = function(*arguments, **options)
    ours = "reticnn.runtime.conditions"
    return value, [w.category for w in caught if w.category.__module__ == ours]


def evaluated(classifier, data):
    return kinds(evaluate_classifier, classifier, data, progress="none")[1]


def same(arrays, others):
    pairs = zip(arrays, others, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


# Images


def test_hash_is_of_the_pixels_alone():
    pixels = IMAGES.read(np.arange(6))
    hashes = image_hashes(pixels)
    assert len(set(hashes)) == 6
    assert np.array_equal(image_hashes(pixels.astype("float32")), hashes)
    assert np.array_equal(image_hashes(pixels[::-1])[::-1], hashes)
    changed = pixels.copy()
    changed[:, 3, 4, 1] ^= 1
    assert not np.isin(image_hashes(changed), hashes).any()
    assert image_hashes(pixels.reshape(6, 32, 8, 3))[0] != hashes[0]
    assert image_hashes(pixels + np.float32(0.5))[0] != hashes[0]


def test_images_are_hashed_as_they_are_read():
    data = hashed(IMAGES[5:25])
    data.read(np.array([2, 0]))
    assert len(hashes_of(data, only_read=True)) == 2
    wanted = image_hashes(IMAGES.read(np.arange(5, 25)))
    assert np.array_equal(hashes_of(data), wanted)
    assert hashed(data) is data


def test_files_are_known_by_their_pixels(tmp_path, write_image):
    paths = {}
    for folder, form in (("first", "png"), ("second", "bmp")):
        paths[folder] = [
            str(write_image(tmp_path / folder / f"{n}.{form}", (n * 40, 9, 9)))
            for n in range(6)
        ]
    labels = ["cat", "dog"] * 3
    classifier = fit(network(), image_table(paths["first"], labels))
    again = image_table(paths["second"], labels)
    assert evaluated(classifier, again) == [SeenImagesWarning]


def test_images_stay_on_their_side(tmp_path):
    first = fit(network(), validation=0.2)
    assert (len(first.seen.trained_on), len(first.seen.held_out)) == (32, 8)
    saved = save_classifier(first, tmp_path / "first.reticnn")
    shuffled = IMAGES[np.random.default_rng(1).permutation(40)]
    second, warned = kinds(fit, first, shuffled, validation=0.2, seed=7)
    loaded, _ = kinds(fit, load_classifier(saved), validation=0.2, seed=8)
    for later in (second, loaded):
        assert np.array_equal(later.seen.held_out, first.seen.held_out)
        assert np.array_equal(later.seen.trained_on, first.seen.trained_on)
    assert warned == []
    # So do they in a model alone, and new images make up for those that are missing.
    more = image_arrays(
        np.concatenate([IMAGES.read(np.arange(40)), OTHERS.read(np.arange(20))]),
        [*IMAGES.labels, *OTHERS.labels],
    )
    third, warned = kinds(fit, first.model, more, validation=0.2, seed=9)
    assert warned == [TrainedModelWarning]
    assert len(third.seen.held_out) == 12
    assert np.isin(first.seen.held_out, third.seen.held_out).all()
    assert not np.isin(first.seen.trained_on, third.seen.held_out).any()


def test_too_few_new_images_are_said(refused):
    classifier = fit(network(), IMAGES[:38])
    with refused(ValueError, "validation", "8 of 38", "trained on all", "fresh=True"):
        fit(classifier, IMAGES[:38], validation=0.2)
    with pytest.warns(SeenImagesWarning, match="sets aside 2 of 40 .* not 8"):
        further = fit(classifier, validation=0.2)
    assert len(further.seen.held_out) == 2


def test_evaluation_on_training_images_says_so_with_their_number():
    classifier = fit(network(), IMAGES[:12])
    with pytest.warns(SeenImagesWarning, match="`data` .*, 12 of 40"):
        evaluate_classifier(classifier, IMAGES, progress="none")
    assert evaluated(classifier.model, IMAGES) == [SeenImagesWarning]
    assert evaluated(classifier, OTHERS) == []
    inputs = keras.Input((16, 16, 3))
    wrapped = keras.Model(inputs, classifier.model(inputs))
    assert evaluated(wrapped, IMAGES) == [SeenImagesWarning]


def test_layers_remember_in_other_models_what_they_were_trained_on():
    model = network()
    first = next(layer for layer in model.layers if layer.weights)
    first.trainable = False
    fit(model)
    features = keras.Model(model.inputs, model.layers[-2].output)
    outputs = keras.layers.Dense(2, "softmax")(features.output)
    assert evaluated(keras.Model(features.inputs, outputs), IMAGES) == [
        SeenImagesWarning
    ]
    other = transfer_model(model, (16, 16, 3))
    assert evaluated(other, IMAGES) == [SeenImagesWarning]
    assert evaluated(other, OTHERS) == []
    # What was frozen has not seen them.
    pooled = keras.layers.GlobalAveragePooling2D()(first.output)
    frozen = keras.Model(model.inputs, keras.layers.Dense(2, "softmax")(pooled))
    assert evaluated(frozen, IMAGES) == []
    fit(model, OTHERS, fresh=True)
    assert SeenImagesWarning not in evaluated(other, IMAGES)


def test_validation_images_that_were_trained_on_are_said():
    classifier, warned = kinds(fit, network(), validation=IMAGES[:5])
    assert warned == [SeenImagesWarning]
    _, warned = kinds(fit, classifier, OTHERS, validation=IMAGES[5:])
    assert warned == [SeenImagesWarning]


def test_cropped_images_are_known_as_the_model_takes_them():
    larger = shape_images(12, image_size=20, seed=3)
    classifier = fit(network(), larger, augmentation=augmentation(crop=(16, 16)))
    assert SeenImagesWarning in evaluated(classifier, larger)


def test_memory_goes_into_a_file_and_older_files_have_none(tmp_path):
    classifier = fit(network(), IMAGES[:12])
    path = save_classifier(classifier, tmp_path / "known.reticnn")
    loaded = load_classifier(path)
    assert np.array_equal(loaded.seen.trained_on, classifier.seen.trained_on)
    assert evaluated(loaded, IMAGES) == [SeenImagesWarning]
    assert not loaded.stale
    assert not SeenImages.from_config(None)
    with pytest.raises(ValueError, match=r"`fresh=True` takes .* loaded"):
        fit(loaded, fresh=True)


# Weights


def test_a_classifier_knows_that_its_model_has_changed(tmp_path):
    model = network()
    first = fit(model)
    assert not first.stale
    with pytest.warns(TrainedModelWarning, match="fresh=True"):
        second = fit(model, OTHERS)
    assert first.stale
    assert not second.stale
    assert "changed" in repr(first)
    assert "changed" not in repr(second)
    uses = (
        lambda: evaluate_classifier(first, shape_images(5, image_size=16, seed=4)),
        lambda: predict_images(first, OTHERS.read(np.arange(2)), progress="none"),
        lambda: save_classifier(first, tmp_path / "first.reticnn"),
        lambda: fit(first, OTHERS),
    )
    for use in uses:
        assert kinds(use)[1] == [StaleClassifierWarning]


def test_any_change_of_a_weight_is_seen():
    model = network()
    before = fingerprint(model)
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        weight.assign(value * 1.01 + 0.01)
        assert fingerprint(model) != before
        weight.assign(value)
        assert fingerprint(model) == before


def test_fresh_training_is_as_of_a_new_model():
    model = network(dropout=0.3)
    fit(model)
    again, warned = kinds(fit, model, fresh=True, optimizer="adam")
    new = fit(network(dropout=0.3), optimizer="adam")
    assert warned == []
    assert same(again.model.get_weights(), new.model.get_weights())
    further = fit(again)
    assert further.epochs == 2
    third = fit(further, fresh=True, optimizer="adam")
    assert third.history == new.history
    assert same(third.model.get_weights(), new.model.get_weights())


def test_fresh_training_of_a_compiled_model_has_its_optimizer_anew():
    def compiled():
        model = network()
        loss = keras.losses.BinaryCrossentropy()
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
        return model

    model = compiled()
    fit(model, optimizer=None, learning_rate=0.5)
    fit(model, optimizer=None, fresh=True)
    new = fit(compiled(), optimizer=None)
    assert same(model.get_weights(), new.model.get_weights())
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


def test_only_what_was_trained_is_kept_and_put_back():
    model = network()
    kernel = model.get_layer("block1_conv1").kernel
    before = model.get_weights()
    model.get_layer("block1_conv1").trainable = False
    fit(model)
    assert id(kernel) not in memory._trainings[model].values
    model.get_layer("block1_conv1").trainable = True
    with pytest.warns(TrainedModelWarning):
        fit(model)
    assert id(kernel) in memory._trainings[model].values
    assert not same(model.get_weights(), before)
    assert memory.begin_again(model)
    assert same(model.get_weights(), before)


def test_weights_put_back_by_hand_make_a_model_new():
    model = network()
    before = model.get_weights()
    fit(model)
    model.set_weights(before)
    classifier, warned = kinds(fit, model, OTHERS)
    assert warned == []
    assert evaluated(classifier, IMAGES) == []


def test_folds_by_hand_with_one_model_are_caught_and_fresh_ones_are_not():
    model = network()
    halves = IMAGES[:20], IMAGES[20:]
    fit(model, halves[0])
    leaking, warned = kinds(fit, model, halves[1])
    assert warned == [TrainedModelWarning]
    assert evaluated(leaking, halves[0]) == [SeenImagesWarning]
    assert evaluated(fit(model, halves[0], fresh=True), halves[1]) == []
    assert evaluated(fit(network, halves[1]), halves[0]) == []


def test_functions_build_models():
    built = fit(network)
    assert same(built.model.get_weights(), fit(network()).model.get_weights())

    def unseeded():
        return network(seed=None)

    one, other = (fit(unseeded, seed=seed).model.get_weights() for seed in (1, 1))
    assert same(one, other)
    assert not same(one, fit(unseeded, seed=2).model.get_weights())
    rates = find_learning_rate(unseeded, IMAGES, steps=20, seed=1)
    assert len(rates["loss"]) > 0


@pytest.mark.slow
def test_fine_tuning_takes_a_function():
    tuned = fine_tune(network, IMAGES, epochs=1, progress="none", seed=1)
    assert tuned.history["stage"] == [1, 2, 3]
    assert len(tuned.seen.held_out) == 8


def test_function_that_builds_no_model_is_refused(refused):
    with refused(TypeError, "model", "must return", "not 3", "build_cnn"):
        fit(lambda: 3)


def test_layers_in_another_model_bring_what_they_were_trained_on():
    model = network()
    fit(model)
    start = keras.Input((16, 16, 3))
    x = start
    for layer in model.layers[1:-1]:
        x = layer(x)
    other = keras.Model(start, keras.layers.Dense(1, "sigmoid")(x))
    assert evaluated(fit(other, OTHERS), IMAGES) == [SeenImagesWarning]


def test_layers_that_begin_again_forget_in_every_model():
    model = network()
    fit(model)
    other = keras.Model(model.input, model.layers[-2].output)
    assert len(seen_by(other).trained_on) == len(IMAGES)
    fit(model, OTHERS, fresh=True)
    assert len(seen_by(other).trained_on) == len(OTHERS)


def test_frozen_layers_learn_of_no_images():
    model = network()
    for layer in model.layers[:-1]:
        layer.trainable = False
    fit(model)
    cut = keras.Model(model.input, model.layers[-2].output)
    head = keras.layers.Dense(1, "sigmoid")
    other = keras.Sequential([keras.Input((16, 16, 3)), cut, head])
    assert not seen_by(other)


def test_models_are_not_kept_alive():
    model = network()
    fit(model)
    assert seen_by(model)
    gone = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None
