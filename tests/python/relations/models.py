"""Models in every way that Keras has to make one, the same for the same seed."""

import keras
import numpy as np

from reticnn.layers.rbf import EuclideanRBF

from .choices import ONE_UNIT
from .images import SIDE

PACKAGE = "relations"

# The first rate, steps, and by how much it falls in them.
DECAY = (0.08, 2, 0.5)


def build(case):
    """Return the model of a case, not compiled; the same for the same seed."""
    keras.utils.set_random_seed(case.seed)
    model = BODIES.get(case.body, _functional)(case)
    freeze_parts(model)
    for layer in _frozen(case, model):
        layer.trainable = False
    return model


def _frozen(case, model):
    """Return the layers that are frozen before training."""
    layers = list(leaves(model))
    frozen = [layer for layer in layers if layer.name in ("frozen_norm",)]
    if case.frozen == "start":
        frozen += [layer for layer in layers if layer.name == "conv1"]
    if case.frozen == "backbone":
        frozen += [layer for layer in layers if not layer.name.startswith("head")]
    return frozen


def leaves(model):
    """Yield the layers of a model, those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


# Layers


def _conv(case, number, **options):
    if case.extra == "kernel_l2":
        options["kernel_regularizer"] = keras.regularizers.L2(0.01)
    if case.extra == "activity_l2":
        options["activity_regularizer"] = keras.regularizers.L2(0.001)
    return keras.layers.Conv2D(
        3 + number,
        3,
        padding="same",
        name=f"conv{number}",
        # In front of a batch normalisation a bias has no gradient but rounding.
        use_bias=number == 2 or "batch_norm" not in case.extra,
        bias_initializer=keras.initializers.RandomUniform(-0.1, 0.3),
        **options,
    )


def _front(case):
    """Return the layers before the first convolution."""
    front = [keras.layers.Rescaling(1 / 255, name="rescaling")]
    if case.extra == "normalised":
        normalised = keras.layers.Normalization(name="normalised")
        shape = (7, SIDE, SIDE, case.channels)
        normalised.adapt(np.random.default_rng(1).gamma(2, 0.1, shape))
        front.append(normalised)
    if case.extra == "noise_in_front":
        front.append(keras.layers.GaussianNoise(0.1, name="noise"))
    if case.extra == "flips_in_front":
        flips = [keras.layers.RandomFlip("horizontal", name="flip")]
        front.insert(0, keras.Sequential(flips, name="changes"))
    return front


def _between(case):
    """Return the layers between the convolutions."""
    made = {
        "batch_norm": lambda: keras.layers.BatchNormalization(
            momentum=0.8, name="norm"
        ),
        "frozen_batch_norm": lambda: keras.layers.BatchNormalization(
            name="frozen_norm", moving_mean_initializer=keras.initializers.Constant(0.1)
        ),
        "dropout": lambda: keras.layers.Dropout(0.3, name="dropout"),
        "added_loss": lambda: AddedLoss(name="added_loss"),
        "frozen_part": lambda: Pair(name="pair"),
    }.get(case.extra)
    return [made()] if made else []


@keras.saving.register_keras_serializable(PACKAGE)
class Pair(keras.layers.Layer):
    """A layer that is made of two, of which one is frozen, and of the other the bias.

    It is they themselves that are, and nothing says so when the layer is saved.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.first = keras.layers.DepthwiseConv2D(3, padding="same", name="first")
        self.second = keras.layers.DepthwiseConv2D(3, padding="same", name="second")

    def build(self, shape):
        self.first.build(shape)
        self.second.build(shape)

    def call(self, inputs):
        return self.second(self.first(inputs))

    def freeze_part(self):
        self.first.trainable = False
        self.second.bias.trainable = False


def freeze_parts(model):
    """Freeze again what is frozen in layers that are trained."""
    for layer in leaves(model):
        if isinstance(layer, Pair) and layer.trainable:
            layer.freeze_part()


@keras.saving.register_keras_serializable(PACKAGE)
class AddedLoss(keras.layers.Layer):
    """A layer that adds a loss of its own."""

    def call(self, inputs):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(inputs)))
        return inputs


def _end(case):
    """Return the layers from the feature maps to the outputs, those of the head."""
    units = 1 if case.head in (*ONE_UNIT, "sigmoid_op") else case.number_of_classes
    if case.head == "flatten_after":
        return [
            keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool"),
            keras.layers.Conv2D(units, 1, name="head_conv"),
            keras.layers.Flatten(name="head_flatten"),
        ]
    end = [keras.layers.GlobalAveragePooling2D(name="pool")]
    if case.head == "distances":
        prototypes = np.random.default_rng(1).choice([-1.0, 1.0], (units, 6))
        return [
            *end,
            keras.layers.Dense(6, "tanh", name="head_codes"),
            EuclideanRBF(prototypes, name="head_prototypes"),
        ]
    has_softmax = ("softmax", "softmax_of_two", "linear_after", "nested_head")
    activation = "softmax" if case.head in has_softmax else None
    activation = "sigmoid" if case.head == "sigmoid" else activation
    dense = keras.layers.Dense(units, activation, name="head")
    if case.head == "nested_head":
        wide = keras.layers.Dense(40, "relu", name="head_wide")
        return [*end, keras.Sequential([wide, dense], name="head_model")]
    after = {
        "softmax_layer": [keras.layers.Softmax(name="head_end")],
        "linear_after": [
            keras.layers.Activation("linear", name="head_linear"),
            keras.layers.Reshape((units,), name="head_reshape"),
            keras.layers.Identity(name="head_identity"),
        ],
    }.get(case.head, [])
    return [*end, dense, *after]


def _last_operation(case):
    """Return the operation behind the last layer."""
    return {
        "softmax_op": keras.ops.softmax,
        "sigmoid_op": keras.activations.sigmoid,
    }.get(case.head, lambda x: x)


def _with_activation(case, conv):
    """Return a function that applies a convolution and its activation."""
    if case.body == "nested":
        relu = keras.layers.ReLU(name=f"relu_{conv.name}")
        return lambda x: relu(conv(x))
    conv.activation = keras.activations.relu
    return conv


def _apply(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def _input(case):
    side = None if case.body == "open_size" else SIDE
    return keras.Input((side, side, case.channels))


# Bodies


def _functional(case):
    image = _input(case)
    x = _apply(_front(case), image)
    x = _features(case)(x)
    x = _last_operation(case)(_apply(_end(case), x))
    return _class(case, keras.Model)(image, x, name="model")


def _features(case):
    """Return a function from pixels to feature maps."""
    first = _with_activation(case, _conv(case, 1))
    second = _with_activation(case, _conv(case, 2))
    between = _between(case)

    def features(x):
        return second(_apply(between, first(x)))

    return features


def _sequential(case):
    layers = [_conv(case, 1, activation="relu"), *_between(case)]
    layers += [_conv(case, 2, activation="relu")]
    made = _class(case, keras.Sequential)
    return made([_input(case), *_front(case), *layers, *_end(case)], name="model")


def _nested(case):
    image = _input(case)
    x = _apply(_front(case), image)
    start = keras.Input(x.shape[1:])
    backbone = keras.Model(start, _features(case)(start), name="backbone")
    x = _last_operation(case)(_apply(_end(case), backbone(x)))
    return _class(case, keras.Model)(image, x, name="model")


def _nested_twice(case):
    image = _input(case)
    x = _apply(_front(case), image)
    start = keras.Input(x.shape[1:])
    inner = keras.Sequential(
        [_conv(case, 1, activation="relu"), *_between(case)], name="inner"
    )
    second = _conv(case, 2, activation="relu")
    backbone = keras.Model(start, second(inner(start)), name="backbone")
    x = _last_operation(case)(_apply(_end(case), backbone(x)))
    return _class(case, keras.Model)(image, x, name="model")


def _shared(case):
    """Apply a convolution to the image and to its mirror image."""
    image = _input(case)
    x = _apply(_front(case), image)
    features = _features(case)
    mirrored = Mirror(name="mirror")(x)
    x = keras.layers.Maximum(name="maximum")([features(x), features(mirrored)])
    x = _last_operation(case)(_apply(_end(case), x))
    return _class(case, keras.Model)(image, x, name="model")


@keras.saving.register_keras_serializable(PACKAGE)
class Mirror(keras.layers.Layer):
    """A layer of the user's own, without weights."""

    def call(self, inputs):
        return keras.ops.flip(inputs, axis=2)


def _ops(case):
    """Use operations where there are layers for it."""
    image = _input(case)
    x = _apply(_front(case), keras.ops.clip(image, 0.0, 250.0))
    x = keras.ops.relu(_conv(case, 1)(x))
    x = _apply(_between(case), x)
    x = keras.ops.maximum(_conv(case, 2)(x), 0.0) * 1.5
    x = _last_operation(case)(_apply(_end(case), x))
    return _class(case, keras.Model)(image, x, name="model")


def _lambda(case):
    image = _input(case)
    x = keras.layers.Lambda(lambda pixels: pixels * 0.9, name="lambda")(image)
    x = _features(case)(_apply(_front(case), x))
    x = _last_operation(case)(_apply(_end(case), x))
    return _class(case, keras.Model)(image, x, name="model")


def _own_call(case):
    """Return a graph of layers whose class does more than run it."""
    image = _input(case)
    x = _features(case)(_apply(_front(case), image))
    x = _last_operation(case)(_apply(_end(case), x))
    return OwnCall(image, x, name="model")


@keras.saving.register_keras_serializable(PACKAGE)
class OwnCall(keras.Model):
    """A graph that is given inverted images."""

    def call(self, inputs, training=None, mask=None):
        inverted = 255.0 - keras.ops.cast(inputs, "float32")
        return super().call(inverted, training=training, mask=mask)


@keras.saving.register_keras_serializable(PACKAGE)
class Subclass(keras.Model):
    """A model with nothing but a `call()`, which says what goes in and out."""

    def __init__(self, levels, **options):
        from .choices import Case

        super().__init__(**options)
        self.levels = levels
        case = Case(**levels)
        self.end = _end(case)
        self.front = _front(case)
        self.first = _conv(case, 1, activation="relu")
        self.between = _between(case)
        self.second = _conv(case, 2, activation="relu")
        self.last = _last_operation(case)
        self.input_shape = (None, SIDE, SIDE, case.channels)
        units = 1 if case.head in (*ONE_UNIT, "sigmoid_op") else case.number_of_classes
        self.output_shape = (None, units)

    def call(self, inputs, training=None):
        x = keras.ops.cast(inputs, "float32")
        for layer in (*self.front, self.first, *self.between, self.second, *self.end):
            x = layer(x, **_if_taken(layer, training))
        return self.last(x)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


def _if_taken(layer, training):
    taken = getattr(layer, "_call_has_training_arg", False)
    return {"training": training} if taken else {}


def _subclass(case):
    names = ("head", "extra", "channels")
    model = Subclass({name: getattr(case, name) for name in names}, name="model")
    model(np.zeros((1, SIDE, SIDE, case.channels), "float32"))
    return model


BODIES = {
    "sequential": _sequential,
    "subclass": _subclass,
    "own_call": _own_call,
    "nested": _nested,
    "nested_twice": _nested_twice,
    "shared": _shared,
    "ops": _ops,
    "lambda": _lambda,
}


# Own methods


class _TrainStep:
    """Trains on images that are a little lighter."""

    def train_step(self, *given):
        *state, data = given
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        lighter = keras.ops.cast(x, "float32") + 20.0
        return super().train_step(*state, (lighter, y, weights))


class _ComputeLoss:
    """Adds how far the outputs are from 0."""

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + 0.5 * keras.ops.mean(keras.ops.square(y_pred))


def _registered(base, mixin, name):
    made = type(name, (mixin, base), {"__module__": __name__})
    return keras.saving.register_keras_serializable(PACKAGE)(made)


_CLASSES = {
    ("train_step", "Model"): _registered(keras.Model, _TrainStep, "StepModel"),
    ("train_step", "Sequential"): _registered(
        keras.Sequential, _TrainStep, "StepSequential"
    ),
    ("compute_loss", "Model"): _registered(keras.Model, _ComputeLoss, "LossModel"),
    ("compute_loss", "Sequential"): _registered(
        keras.Sequential, _ComputeLoss, "LossSequential"
    ),
}


def _class(case, plain):
    return _CLASSES.get((case.own, plain.__name__), plain)


# Compiling


def targets_are_one_hot(case):
    """Return whether the loss that a model is compiled with wants rows of 0 and 1."""
    if case.meaning in ("sigmoid", "logit", "distances"):
        return False
    if case.compiled == "no":
        return case.label_smoothing > 0 or case.mixing != "none"
    return case.compiled not in ("string", "object")


def compile_by_user(case, model, optimizer=None, **options):
    """Compile a model as the case says that its user did."""
    optimizer = optimizer or new_optimizer(case)
    one_unit = case.meaning in ("sigmoid", "logit")
    name = "binary_crossentropy" if one_unit else "categorical_crossentropy"
    class_name = "BinaryCrossentropy" if one_unit else "CategoricalCrossentropy"
    metrics = ["accuracy"]
    loss = {
        "string": name if one_unit else f"sparse_{name}",
        "class_name": class_name,
        "function": getattr(keras.losses, name),
        "mse": "mse",
        "kl": "kl_divergence",
    }.get(case.compiled)
    if loss is None:
        # Of weights in other losses, codes for classes are the more usual.
        if not one_unit and not targets_are_one_hot(case):
            class_name = f"Sparse{class_name}"
        logits = case.meaning in ("logit", "logits")
        loss = getattr(keras.losses, class_name)(from_logits=logits)
    options = {"metrics": metrics, **options}
    if case.compiled == "no_metrics":
        del options["metrics"]
    if case.compiled == "weighted_metrics":
        options["weighted_metrics"] = options.pop("metrics")
    if case.compiled == "loss_weights":
        options["loss_weights"] = [0.5]
    model.compile(optimizer, loss, **options)


def new_optimizer(case):
    """Return the optimizer of a case as an object or, for another, its name."""
    if case.optimizer == "object":
        return keras.optimizers.SGD(0.03, momentum=0.9, nesterov=True)
    if case.optimizer == "scheduled":
        schedule = keras.optimizers.schedules.InverseTimeDecay(*DECAY)
        return keras.optimizers.SGD(schedule, momentum=0.5)
    if case.optimizer == "accumulating":
        return keras.optimizers.SGD(0.05, gradient_accumulation_steps=2)
    return None if case.optimizer == "default" else case.optimizer
