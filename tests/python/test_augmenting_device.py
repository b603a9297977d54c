"""The device engine, against the host's, and the Keras layer around it."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from other_augmenters import CHANGES

import reticnn
from reticnn.augmenting import device, host
from reticnn.augmenting.autoaugment import OPERATIONS as DRAWN
from reticnn.augmenting.parts.warp import WARP

BACKEND = keras.backend.backend()

needs_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="tf.data feeds layers on TensorFlow only"
)

# Largest and mean difference in values of 0 to 255: where images are warped, as OpenCV
# samples at multiples of 1/32 of a pixel, and else.
WARPED, OTHERS = (8.0, 0.5), (0.1, 0.01)

ALL = {
    "crop": 0.8,
    "flip": "horizontal",
    "translation": 0.1,
    "shear": 0.1,
    "rotation": 0.1,
    "zoom": 0.1,
    "perspective": 0.2,
    "elastic": 0.4,
    "color_jitter": 0.2,
    "pca_color": 0.1,
    "grayscale": 0.2,
    "gaussian_blur": 1.0,
    "gaussian_noise": 0.05,
    "erasing": 0.5,
}

# There is no JPEG codec.
ON_DEVICES = {
    name: value for name, value in CHANGES.items() if name != "jpeg_compression"
}

OPERATIONS = {
    **{name: {name: value} for name, value in (ALL | ON_DEVICES).items()},
    "all changes": ON_DEVICES,
    "crop in pixels": {"crop": (13, 11)},
    "perspective and more": {"perspective": 0.4, "rotation": 0.1, "crop": 0.8},
    "waves in perspective": {
        "perspective": 0.3,
        "elastic": {"factor": 0.7, "scale": 0.6},
        "crop": {"scale": (0.5, 1), "size": (10, 11)},
        "fill_mode": "constant",
    },
    "crop by area": {"crop": {"scale": (0.2, 1)}},
    "crop by area to fewer pixels": {
        "crop": {"scale": (0.2, 1), "size": (11, 10)},
        "rotation": 0.1,
    },
    "crop by area, much smaller": {"crop": {"scale": (0.5, 1), "size": 10}, "zoom": 1},
    "crop by scale": {"crop": {"shorter_side": (12, 30), "size": 11}},
    "flip down": {"flip": "vertical"},
    "hue": {"color_jitter": {"hue_factor": 0.5}},
    "contrast": {"color_jitter": {"contrast_factor": 0.9}},
    "wide blur": {"gaussian_blur": {"sigma": (2.0, 4.0), "kernel_size": 25}},
    "blur of some": {"gaussian_blur": {"factor": 0.5, "sigma": 2.0}},
    "erasing with a colour": {"erasing": {"factor": 1.0, "fill_value": (9, 99, 199)}},
    "erasing of several boxes": {
        "erasing": {"ratio": (0.3, 3.3), "count": (2, 5), "scale": (0.02, 0.1)}
    },
    "fill constant": {"rotation": 0.3, "fill_mode": "constant", "fill_value": 50},
    "fill nearest": {"rotation": 0.3, "fill_mode": "nearest"},
    "fill wrap": {"zoom": (0.5, 1.0), "fill_mode": "wrap"},
    "fill reflect": {"zoom": (0.9, 1.0), "translation": 1.0},
    "all": ALL,
}


def smooth_images(n=12, height=16, width=19, channels=3, seed=1):
    """Return float images without steps, on which sampling errors stay small."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (n, 4, 4, channels)).astype("float32")
    images = ops.image.resize(coarse, (height, width), data_format="channels_last")
    return ops.convert_to_numpy(images)


def on_device(policy, images, seed=5, epoch=2, indices=None):
    indices = np.arange(len(images)) if indices is None else np.asarray(indices)
    results = device.apply(
        policy, ops.convert_to_tensor(images), seed, epoch, indices.astype("int32")
    )
    return ops.convert_to_numpy(results)


def assert_close(results, expected, tolerance=WARPED):
    assert results.shape == expected.shape
    difference = np.abs(results.astype("float32") - expected)
    assert difference.max() < tolerance[0]
    assert difference.mean() < tolerance[1]


@pytest.fixture
def uncompiled():
    """Spare the seconds of a compiler where it is not what the test is about."""
    if BACKEND == "jax":
        import jax

        with jax.disable_jit():
            yield
    elif BACKEND == "tensorflow":
        import tensorflow

        tensorflow.config.run_functions_eagerly(True)
        yield
        tensorflow.config.run_functions_eagerly(False)
    else:
        yield


def in_training(layer, images):
    return ops.convert_to_numpy(layer(images, training=True))


@pytest.mark.parametrize("name", OPERATIONS)
def test_both_engines_give_the_same_images(uncompiled, name):
    policy = reticnn.augmentation(**OPERATIONS[name])
    images = smooth_images()
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    results = on_device(policy, images)
    assert results.dtype == "float32"
    assert_close(results, expected, WARPED if WARP in policy.parts(3)[0] else OTHERS)
    assert np.abs(results[:, :10, :10] - images[:, :10, :10]).mean() > 0.6


def test_the_nearest_pixel_is_the_same_one(uncompiled):
    policy = reticnn.augmentation(rotation=0.1, interpolation="nearest")
    images = smooth_images()
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    results = on_device(policy, images)
    # But where one is as near as the other, to 1/32 of a pixel.
    assert (results == expected).mean() > 0.9
    assert (results == images).mean() < 0.5


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
@pytest.mark.parametrize("size", [(23, 24), (24, 24), (128, 129)])
def test_quarter_turns_are_exact_on_both_engines(uncompiled, size, fill_mode):
    policy = reticnn.augmentation(
        rotation=(0.25, 0.25), interpolation="nearest", fill_mode=fill_mode
    )
    images = np.random.default_rng(1).uniform(0, 255, (3, *size, 2)).astype("f4")
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    np.testing.assert_array_equal(on_device(policy, images), expected)
    # No line is taken twice, or left out, but for those beyond the shorter side.
    assert np.isin(images[:, 1:-2, 1:-2], expected).all()


@pytest.mark.parametrize(
    ("channels", "operations"),
    [
        (
            1,
            {**ALL, "color_jitter": {"brightness_factor": 0.2, "contrast_factor": 0.3}},
        ),
        (2, {"rotation": 0.1, "gaussian_blur": 1.0, "gaussian_noise": 0.1}),
        (6, {"zoom": 0.3, "erasing": {"factor": 1.0, "fill_value": 7}}),
    ],
)
def test_engines_agree_on_any_number_of_channels(uncompiled, channels, operations):
    policy = reticnn.augmentation(**operations)
    images = smooth_images(height=9, width=6, channels=channels)
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    assert_close(on_device(policy, images), expected)


@pytest.mark.parametrize("operation", DRAWN[1:])
def test_both_engines_do_the_operations_that_are_drawn(uncompiled, operation):
    policy = reticnn.rand_augment(1, 7, magnitude_std=1, operations=[operation])
    images = smooth_images()
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    results = on_device(policy, images)
    assert_close(results, expected, WARPED if WARP in policy.parts(3)[0] else OTHERS)
    assert np.abs(results - images).mean() > 0.6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "policy",
    [
        reticnn.rand_augment(magnitude_std=0.5, probability=0.8),
        reticnn.trivial_augment(),
        reticnn.auto_augment("cifar10"),
        reticnn.auto_augment("imagenet"),
        reticnn.auto_augment("svhn"),
    ],
    ids=lambda policy: f"{policy.kind} {policy.to_config().get('name', '')}",
)
def test_both_engines_agree_on_policies_that_draw(uncompiled, policy, channels):
    images = smooth_images(n=60, channels=channels)
    expected = host.apply(policy, images, 5, 2, np.arange(len(images)))
    difference = np.abs(on_device(policy, images) - expected)
    # A table after a warp can make a step, or two, of a 32nd of a pixel.
    assert difference.mean() < 0.5
    assert (difference > WARPED[0]).mean() < 0.01
    assert (difference < OTHERS[0]).mean() > 0.75


@pytest.mark.parametrize("seed", [5, 2**40])
def test_both_engines_agree_on_a_list_of_policies(uncompiled, seed):
    policies = [
        reticnn.augmentation(rotation=0.1, fill_mode="constant", fill_value=50),
        reticnn.augmentation(crop=(13, 11), gaussian_blur=2.0),
        reticnn.rand_augment(operations=["rotate", "brightness", "sharpness"]),
        reticnn.augmentation(gaussian_blur=0.5, erasing={"fill_value": (9, 99, 199)}),
    ]
    images = smooth_images()
    expected = reticnn.augment(images, policies, seed=seed)
    layer = reticnn.augmentation_layer(policies, seed=seed)
    assert layer.compute_output_shape((None, 16, 19, 3)) == (None, 13, 11, 3)
    assert_close(in_training(layer, images), expected)
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert_close(in_training(again, images), expected)


def test_tiny_and_flat_images_have_nothing_to_sharpen_or_to_spread(uncompiled):
    operations = ["equalize", "autocontrast", "sharpness"]
    policy = reticnn.rand_augment(2, operations=operations)
    for shape in ((6, 2, 5, 3), (6, 9, 9, 1)):
        images = np.full(shape, 37, "float32")
        np.testing.assert_allclose(on_device(policy, images), images, atol=1e-4)


def test_draws_are_the_same_bits():
    from reticnn.augmenting.random_numbers import uniforms

    indices = np.array([0, 1, 7, 2**31 - 1])
    for seed, epoch in ((0, 0), (2**32 - 1, 3), (12345678901234567890, 2**31 - 1)):
        expected = uniforms(np, seed, epoch, indices, range(40))
        drawn = uniforms(ops, seed, epoch, indices.astype("int32"), range(40))
        np.testing.assert_array_equal(ops.convert_to_numpy(drawn), expected)


def test_parameters_of_both_engines_agree():
    policy = reticnn.augmentation(**ALL)
    indices = np.arange(200)
    expected = policy.draw(np, 3, 1, indices, (16, 19, 3))
    drawn = policy.draw(ops, 3, 1, indices.astype("int32"), (16, 19, 3))
    assert len(drawn) == len(expected)
    for parameters, wanted in zip(drawn, expected, strict=True):
        assert parameters.keys() == wanted.keys()
        for name, values in wanted.items():
            np.testing.assert_allclose(
                ops.convert_to_numpy(parameters[name]), values, atol=1e-4, rtol=1e-4
            )


def test_images_depend_on_seed_epoch_and_place_but_not_on_the_batch():
    policy = reticnn.augmentation(rotation=0.2, color_jitter=0.3)
    images = smooth_images()
    whole = on_device(policy, images)
    parts = [
        on_device(policy, images[i : i + 5], indices=range(12)[i : i + 5])
        for i in range(0, 12, 5)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-2)
    for other in ({"seed": 6}, {"epoch": 3}, {"indices": np.arange(1, 13)}):
        assert np.abs(on_device(policy, images, **other) - whole).mean() > 1


def test_the_first_batch_is_what_augment_gives():
    images = smooth_images(height=21, width=18)
    policy = reticnn.augmentation(**ALL)
    for seed in (7, 2**40):
        layer = reticnn.augmentation_layer(policy, seed=seed)
        expected = reticnn.augment(images, policy, seed=seed)
        assert_close(in_training(layer, images), expected)


def test_batches_go_on_through_the_data(uncompiled):
    images = smooth_images()
    policy = reticnn.augmentation(rotation=0.2)
    layer = reticnn.augmentation_layer(policy, seed=1)
    results = np.concatenate([in_training(layer, images[i : i + 4]) for i in (0, 4, 8)])
    assert_close(results, reticnn.augment(images, policy, seed=1))
    assert np.abs(in_training(layer, images) - results).mean() > 1


def test_seeds_reproduce_and_a_missing_one_is_drawn(uncompiled):
    images = smooth_images()
    policy = reticnn.augmentation(rotation=0.2)

    def first(seed):
        return in_training(reticnn.augmentation_layer(policy, seed=seed), images)

    np.testing.assert_array_equal(first(4), first(4))
    assert np.abs(first(4) - first(5)).mean() > 1
    assert np.abs(first(None) - first(None)).mean() > 1


def test_nothing_happens_unless_training(uncompiled):
    images = smooth_images()
    layer = reticnn.augmentation_layer(reticnn.augmentation(**ALL), seed=1)
    for training in (False, None):
        results = ops.convert_to_numpy(layer(images, training=training))
        np.testing.assert_array_equal(results, images)
    # Nor are the images counted.
    expected = reticnn.augment(images, layer.policy, seed=1)
    assert_close(in_training(layer, images), expected)


def test_a_policy_that_does_nothing_leaves_images_as_they_are():
    images = smooth_images()
    layer = reticnn.augmentation_layer(reticnn.augmentation())
    np.testing.assert_array_equal(in_training(layer, images), images)


def test_a_crop_in_pixels_is_central_when_not_training(uncompiled):
    images = smooth_images(height=16, width=18)
    layer = reticnn.augmentation_layer(reticnn.augmentation(crop=(10, 12)), seed=1)
    assert layer.compute_output_shape((None, 16, 18, 3)) == (None, 10, 12, 3)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(layer(images)), images[:, 3:13, 3:15]
    )
    assert in_training(layer, images).shape == (12, 10, 12, 3)


def test_whole_numbers_and_single_images_go_in(uncompiled):
    images = smooth_images().round().astype("uint8")
    policy = reticnn.augmentation(rotation=0.2)
    expected = reticnn.augment(images.astype("float32"), policy, seed=1)
    layer = reticnn.augmentation_layer(policy, seed=1)
    assert_close(in_training(layer, images), expected)
    alone = reticnn.augmentation_layer(policy, seed=1)
    assert_close(in_training(alone, images[0]), expected[0])
    assert_close(in_training(alone, images[1]), expected[1])


def test_half_precision_computes_in_full(uncompiled):
    images = smooth_images()
    policy = reticnn.augmentation(rotation=0.2, color_jitter=0.2)
    layer = reticnn.augmentation_layer(policy, seed=1)
    rebuilt = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    results = rebuilt(images, training=True)
    assert keras.backend.standardize_dtype(results.dtype) == "bfloat16"
    expected = in_training(layer, images)
    # 8 bits of precision, of numbers up to 255: half a unit.
    results = ops.convert_to_numpy(ops.cast(results, "float32"))
    assert np.abs(results - expected).max() <= 0.5


def test_the_layer_comes_back_from_its_config():
    policy = reticnn.augmentation(**ALL)
    layer = reticnn.augmentation_layer(policy)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert again.policy == policy
    assert (again.seed, again.name) == (layer.seed, layer.name)


def small_model(policy, seed=3):
    inputs = keras.Input((16, 19, 3))
    x = reticnn.augmentation_layer(policy, seed=seed)(inputs)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


@pytest.mark.slow
def test_a_model_with_the_layer_trains_and_is_saved(tmp_path):
    images = smooth_images(n=10)
    policy = reticnn.augmentation(**ALL)
    model = small_model(policy)
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    # The last batch is smaller.
    model.fit(images, np.arange(10) % 2, batch_size=4, epochs=2, verbose=0)
    before = model.predict(images, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), before, atol=1e-5)
    layer = next(layer for layer in again.layers if hasattr(layer, "policy"))
    assert layer.policy == policy
    assert layer.seed == 3
    assert int(layer.images_seen) == 20


@pytest.mark.slow
def test_a_saved_classifier_has_its_layer_in_a_new_process(
    tmp_path, fit, shapes, run_python
):
    inputs = keras.Input((16, 16, 3))
    policy = reticnn.augmentation(rotation=0.1)
    x = reticnn.augmentation_layer(policy, seed=1)(inputs)
    x = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(x))
    classifier = fit(keras.Model(inputs, x), shapes, batch_size=30)
    path = reticnn.save_classifier(classifier, tmp_path / "shapes.reticnn")
    code = (
        "import json, sys, reticnn\n"
        "model = reticnn.load_classifier(sys.argv[1]).model\n"
        "print(json.dumps(model.layers[1].policy.to_config()))"
    )
    answer = run_python(code, path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == policy.to_config()


@pytest.mark.slow
@needs_tensorflow
@pytest.mark.parametrize("compiled", [False, True])
def test_an_unknown_number_of_images_is_compiled_too(compiled):
    import tensorflow

    images = smooth_images()
    policy = reticnn.augmentation(**ALL)
    layer = reticnn.augmentation_layer(policy, seed=1)
    layer.build((None, 16, 19, 3))

    @tensorflow.function(
        input_signature=[tensorflow.TensorSpec((None, 16, 19, 3))],
        jit_compile=compiled,
    )
    def augmented(batch):
        return layer(batch, training=True)

    assert augmented.get_concrete_function().output_shapes.as_list() == [
        None,
        16,
        19,
        3,
    ]
    results = np.concatenate([augmented(images[:7]), augmented(images[7:])])
    assert_close(results, reticnn.augment(images, policy, seed=1))


@needs_tensorflow
def test_the_layer_maps_a_pipeline():
    import tensorflow

    images = smooth_images()
    policy = reticnn.augmentation(**ALL)
    layer = reticnn.augmentation_layer(policy, seed=1)
    pipeline = tensorflow.data.Dataset.from_tensor_slices(images).batch(5)
    pipeline = pipeline.map(lambda batch: layer(batch, training=True))
    assert pipeline.element_spec.shape.as_list() == [None, 16, 19, 3]
    first = np.concatenate(list(pipeline.as_numpy_iterator()))
    assert_close(first, reticnn.augment(images, policy, seed=1))
    second = np.concatenate(list(pipeline.as_numpy_iterator()))
    assert np.abs(second - first).mean() > 1


def test_bad_input_is_refused(refused):
    with refused(TypeError, "policy", "not 'rotation'", "augmentation()"):
        reticnn.augmentation_layer("rotation")
    with refused(ValueError, "seed", -1):
        reticnn.augmentation_layer(reticnn.augmentation(), seed=-1)
    layer = reticnn.augmentation_layer(reticnn.augmentation(crop=(20, 20)))
    with refused(ValueError, "crop", "16 x 19"):
        layer(smooth_images())
    layer = reticnn.augmentation_layer(reticnn.augmentation(rotation=0.1))
    with refused(ValueError, "augmentation_layer", "known size", "keras.Input"):
        layer(keras.Input((None, None, 3)))
    layer = reticnn.augmentation_layer(reticnn.augmentation(pca_color=0.1))
    with refused(ValueError, "pca_color", "not 4"):
        layer(smooth_images(channels=4))
