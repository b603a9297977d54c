"""Ensembles: one classifier, whose probabilities are the mean of several's."""

import keras
import numpy as np
import pytest

import reticnn


def _trained(model, data, **options):
    settled = {"epochs": 1, "seed": 1, "progress": "none", **options}
    return reticnn.fit_classifier(model, data, **settled)


def _chances(classifier, images, **options):
    table = reticnn.predict_images(classifier, images, **options)
    names = sorted(name for name in table if name.startswith(".pred_"))
    names.remove(".pred_class")
    return np.array([table[name] for name in names]).T


@pytest.fixture(scope="module")
def members(shapes, tiny_cnn):
    """Return classifiers that give one unit, two units and scores."""
    image = keras.Input((16, 16, 3))
    scores = keras.layers.Dense(2)(keras.layers.Flatten()(image / 255.0))
    return [
        _trained(tiny_cnn(), shapes),
        _trained(tiny_cnn(seed=2, output="softmax"), shapes),
        _trained(keras.Model(image, scores), shapes),
    ]


@pytest.mark.parametrize("weights", [None, [1, 0.5, 2.5]])
@pytest.mark.parametrize("views", [{}, {"crops": 5}, {"tta": 2}])
def test_probabilities_are_the_mean(members, shapes, weights, views):
    ensemble = reticnn.ensemble_classifiers(members, weights=weights)
    each = [_chances(member, shapes[:9], **views) for member in members]
    wanted = np.average(each, axis=0, weights=weights)
    np.testing.assert_allclose(
        _chances(ensemble, shapes[:9], **views), wanted, atol=1e-6
    )
    assert ensemble.output == "softmax"


def test_members_that_do_not_count_are_left_out(members):
    ensemble = reticnn.ensemble_classifiers(members, weights=[2, 0, 2])
    assert ensemble.shares == [0.5, 0.5]
    assert "members  2, with weights 0.5, 0.5" in repr(ensemble)


def test_saved_and_loaded_in_a_fresh_process(members, shapes, tmp_path, run_python):
    ensemble = reticnn.ensemble_classifiers(members, weights=[1, 2, 3])
    path, pixels = tmp_path / "e.reticnn", tmp_path / "x.npy"
    reticnn.save_classifier(ensemble, path)
    np.save(pixels, shapes.read(np.arange(5)))
    code = (
        "import sys, numpy, reticnn; e = reticnn.load_classifier(sys.argv[1]);"
        "t = reticnn.predict_images(e, numpy.load(sys.argv[2]));"
        "print(*t['.pred_circle']); print(e.shares, e.class_names)"
    )
    done = run_python(code, path, pixels)
    own = reticnn.predict_images(ensemble, shapes[:5])[".pred_circle"]
    elsewhere = [float(chance) for chance in done.stdout.split("\n")[0].split()]
    assert elsewhere == pytest.approx(own, abs=1e-5), done.stderr
    assert str(ensemble.shares) in done.stdout
    # Also of the loaded one, and of one with other members.
    loaded = reticnn.load_classifier(path)
    nested = reticnn.ensemble_classifiers([loaded, members[0]])
    wanted = (_chances(loaded, shapes[:5]) + _chances(members[0], shapes[:5])) / 2
    np.testing.assert_allclose(_chances(nested, shapes[:5]), wanted, atol=1e-6)


def test_classes_are_matched_by_name(tiny_cnn):
    data = reticnn.shape_images(60, 3, image_size=16, seed=1)
    turned = data.with_classes(data.class_names[::-1])
    assert turned.class_names == data.class_names[::-1]
    one, other = _trained(tiny_cnn(3), data), _trained(tiny_cnn(3, seed=2), turned)
    ensemble = reticnn.ensemble_classifiers([one, other])
    assert ensemble.class_names == data.class_names
    wanted = (_chances(one, data[:9]) + _chances(other, data[:9])) / 2
    np.testing.assert_allclose(_chances(ensemble, data[:9]), wanted, atol=1e-6)


def test_an_image_of_none_of_the_classes_stays_one(tiny_cnn, tmp_path):
    data = reticnn.shape_images(20, image_size=32, seed=1)
    grey = data.read(np.arange(20))[..., :1]
    data = reticnn.image_arrays(grey, data.labels)
    apart = np.sign(np.random.default_rng(1).normal(size=(2, 84)))
    lenet = reticnn.landmark_model("lenet5", num_classes=2, prototypes=apart)
    small = reticnn.build_cnn((32, 32, 1), filters=2, n_blocks=1, units=2, seed=1)
    members = [_trained(model, data) for model in (lenet, small)]
    ensemble = reticnn.ensemble_classifiers(members)
    wanted = np.mean([_chances(member, data) for member in members], axis=0)
    np.testing.assert_allclose(_chances(ensemble, data), wanted, atol=1e-6)
    assert wanted.sum(axis=1).max() < 0.9
    reticnn.save_classifier(ensemble, tmp_path / "e.reticnn")
    loaded = reticnn.load_classifier(tmp_path / "e.reticnn")
    assert loaded.output == "probabilities"
    np.testing.assert_allclose(
        _chances(loaded, data), _chances(ensemble, data), atol=1e-5
    )
    # The model alone says what it gives.
    alone = reticnn.predict_images(ensemble.model, data)
    np.testing.assert_allclose(alone[".pred_class_1"], wanted[:, 0], atol=1e-6)


def test_it_has_seen_what_a_member_has_seen(members, shapes, tiny_cnn, tmp_path):
    others = reticnn.shape_images(20, image_size=16, seed=9)
    ensemble = reticnn.ensemble_classifiers([members[0], _trained(tiny_cnn(), others)])
    reticnn.save_classifier(ensemble, tmp_path / "e.reticnn")
    for classifier in (ensemble, reticnn.load_classifier(tmp_path / "e.reticnn")):
        for data in (shapes[:5], others[:5]):
            with pytest.warns(UserWarning, match="was trained on, 5 of 5"):
                reticnn.evaluate_classifier(classifier, data)


def test_probabilities_for_other_shares_of_the_classes(shapes, tiny_cnn):
    prior = {"circle": 0.9, "square": 0.1}
    members = [_trained(tiny_cnn(seed=seed), shapes) for seed in (1, 2)]
    ensemble = reticnn.ensemble_classifiers(members)
    mean = _chances(ensemble, shapes[:5]) * [0.9, 0.1]
    wanted = mean / mean.sum(axis=1, keepdims=True)
    found = _chances(ensemble, shapes[:5], prior=prior)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    uneven = shapes[np.flatnonzero(shapes.codes * np.arange(60) <= 40)]
    other = _trained(tiny_cnn(seed=3), uneven)
    both = reticnn.ensemble_classifiers([members[0], other])
    with pytest.warns(UserWarning, match="members were trained on different shares"):
        reticnn.predict_images(both, shapes[:5], prior=prior)


def test_it_is_judged_and_reported_as_one(members, tmp_path):
    ensemble = reticnn.ensemble_classifiers(members)
    data = reticnn.shape_images(24, image_size=16, seed=8)
    scores = reticnn.evaluate_classifier(ensemble, data)
    each = [_chances(member, data) for member in members]
    truth = data.codes
    right = np.mean(each, axis=0)[np.arange(24), truth]
    assert scores["log_loss"] == pytest.approx(-np.log(right).mean(), abs=1e-6)
    reticnn.report_classifier(ensemble, data, tmp_path / "report.html")
    assert "ensemble_of_3" in (tmp_path / "report.html").read_text("utf-8")


def test_it_is_calibrated_as_one(members, shapes, refused):
    ensemble = reticnn.ensemble_classifiers(members)
    new = reticnn.shape_images(40, image_size=16, seed=8)
    # Hardly trained, it is right where the labels are its own, mostly.
    chances = _chances(ensemble, new)[:, 1]
    codes = (chances > np.median(chances)) ^ (np.arange(40) % 5 == 0)
    labels = np.array(["circle", "square"])[codes.astype(int)]
    new = reticnn.image_arrays(new.read(np.arange(40)), labels)
    calibrated = reticnn.calibrate_classifier(ensemble, new)
    found, before = (_chances(one, shapes[:9]) for one in (calibrated, ensemble))
    assert np.abs(found - before).max() > 1e-4
    both = reticnn.ensemble_classifiers([calibrated, members[0]])
    wanted = (found + _chances(members[0], shapes[:9])) / 2
    np.testing.assert_allclose(_chances(both, shapes[:9]), wanted, atol=1e-6)
    # Whole images go through networks one by one.
    with refused(ValueError, "scales", "ensemble", "members"):
        reticnn.predict_images(ensemble, shapes[:2], scales=[16, 24])


def test_it_is_not_trained_as_one(members, shapes, refused):
    ensemble = reticnn.ensemble_classifiers(members)
    before = [weight.copy() for weight in ensemble.model.get_weights()]
    for model in (ensemble, ensemble.model):
        with refused(ValueError, "model", "ensemble", "ensemble_classifiers"):
            reticnn.fit_classifier(model, shapes, progress="none")
    for weight, now in zip(before, ensemble.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, now)


def test_a_member_that_is_trained_further_makes_it_stale(shapes, tiny_cnn):
    members = [_trained(tiny_cnn(seed=seed), shapes) for seed in (1, 2)]
    ensemble = reticnn.ensemble_classifiers(members)
    _trained(members[0], shapes, seed=2)
    with pytest.warns(UserWarning, match="have been changed since"):
        reticnn.predict_images(ensemble, shapes[:2])


def test_a_file_that_is_loaded_twice_counts_once(members, tmp_path, refused):
    path = reticnn.save_classifier(members[0], tmp_path / "a.reticnn")
    loaded = [reticnn.load_classifier(path) for _ in range(2)]
    with refused(ValueError, "classifiers", "the same model", "number 2"):
        reticnn.ensemble_classifiers(loaded)


def test_what_cannot_be_put_together_is_named(members, shapes, tiny_cnn, refused):
    ensemble = reticnn.ensemble_classifiers
    with refused(TypeError, "classifiers", "[first, second]"):
        ensemble(members[0])
    with refused(TypeError, "classifiers", "3"):
        ensemble([members[0], 3])
    with refused(ValueError, "classifiers", "1 classifier"):
        ensemble(members[:1])
    with refused(ValueError, "classifiers", "the same model", "number 3"):
        ensemble([*members[:2], members[0]])

    class Own(keras.Model):
        def predict_step(self, data):
            return 1 - super().predict_step(data)

    inner = tiny_cnn()
    own = _trained(Own(inner.inputs, inner.outputs), shapes)
    with refused(ValueError, "classifiers", "Own", "number 2", "'predict_step'"):
        ensemble([members[1], own])
    with refused(ValueError, "weights", "one number per classifier", "3"):
        ensemble(members, weights=[1, 2])
    with refused(ValueError, "weights", "all 0"):
        ensemble(members, weights=[0, 0, 0])
    with refused(ValueError, "weights", "-1"):
        ensemble(members, weights=[-1, 2, 0])
    larger = reticnn.shape_images(20, image_size=20, seed=1)
    model = reticnn.build_cnn((20, 20, 3), filters=2, n_blocks=1, units=2)
    with refused(ValueError, "classifiers", "16 x 16 x 3", "20 x 20 x 3"):
        ensemble([members[0], _trained(model, larger)])
    x, y = shapes.read(np.arange(20)), np.repeat(["circle", "ring"], 10)
    others = _trained(tiny_cnn(seed=5), reticnn.image_arrays(x, y))
    with refused(ValueError, "classifiers", "'circle', 'square'", "'circle', 'ring'"):
        ensemble([members[0], others])


def test_images_of_files_must_be_read_in_one_way(cats, tiny_cnn, refused):
    def of(seed, **reading):
        data = reticnn.image_folder(cats, image_size=16, **reading)
        return _trained(tiny_cnn(seed=seed), data)

    first = of(1)
    with refused(ValueError, "classifiers", "resized", "'stretch'", "'pad'"):
        reticnn.ensemble_classifiers([first, of(2, resize="pad")])
    with refused(ValueError, "classifiers", "read in different ways", "bands"):
        reticnn.ensemble_classifiers([first, of(3, bands=[0, 0, 0])])
    both = reticnn.ensemble_classifiers([first, of(4)])
    assert both.resize == "stretch"
    assert both.reading == first.reading


def test_unusual_values_of_pixels_are_those_of_the_members(shapes, tiny_cnn, tmp_path):
    pixels = reticnn.load_images(shapes)["images"].astype("float32")
    scaled = reticnn.image_arrays((pixels - 120) / 60, shapes.labels)
    near = reticnn.image_arrays((pixels - 100) / 70, shapes.labels)
    members = [
        _trained(tiny_cnn(seed=seed, rescale=False), data)
        for seed, data in enumerate([scaled, near])
    ]
    ensemble = reticnn.ensemble_classifiers(members)
    lows, highs = zip(*[member.value_ends for member in members], strict=True)
    assert ensemble.value_ends == (min(lows), max(highs))
    assert ensemble.values in repr(ensemble)
    path = reticnn.save_classifier(ensemble, tmp_path / "e.reticnn")
    assert reticnn.load_classifier(path).value_ends == ensemble.value_ends
    with pytest.warns(UserWarning, match="`images` has values up to 25"):
        reticnn.predict_images(ensemble, pixels)
    usual = _trained(tiny_cnn(seed=3), shapes)
    assert reticnn.ensemble_classifiers(
        [usual, _trained(tiny_cnn(), shapes)]
    ).values == ("values 0 to 255")
    with pytest.raises(
        ValueError, match=r"number 1 on values -.* number 2 on values 0 "
    ):
        reticnn.ensemble_classifiers([members[0], usual])
