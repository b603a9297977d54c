"""What is combined: factors with their levels, and which of them do not go together."""

import inspect
import itertools
from dataclasses import dataclass, fields

# The plainest level comes first: it is what a failing case is simplified to.
CHOICES = {
    # The model
    "body": (
        "functional",
        "sequential",
        "subclass",
        "own_call",
        "nested",
        "nested_twice",
        "shared",
        "ops",
        "lambda",
        "open_size",
    ),
    "head": (
        "softmax",
        "sigmoid",
        "logits",
        "logit",
        "softmax_of_two",
        "softmax_layer",
        "softmax_op",
        "sigmoid_op",
        "linear_after",
        "flatten_after",
        "nested_head",
        "distances",
    ),
    "extra": (
        "none",
        "kernel_l2",
        "activity_l2",
        "added_loss",
        "batch_norm",
        "frozen_batch_norm",
        "dropout",
        "noise_in_front",
        "flips_in_front",
        "normalised",
        "frozen_part",
    ),
    "frozen": ("nothing", "start", "backbone"),
    "own": ("nothing", "train_step", "compute_loss"),
    "compiled": (
        "no",
        "string",
        "class_name",
        "function",
        "object",
        "no_metrics",
        "weighted_metrics",
        "loss_weights",
        "mse",
        "kl",
    ),
    # The data
    "data": (
        "arrays",
        "folder",
        "table",
        "subset",
        "repeated",
        "grouped",
        "copies",
        "tiff",
        "npy",
        "tiles",
    ),
    "weights": (None, "some"),
    "labels": ("words", "reversed", "unicode", "decomposed", "numbers"),
    "channels": (3, 1, 5),
    "pixels": ("uint8", "float32", "float64"),
    "validation": ("none", "share", "data", "lacks_class", "other_order"),
    "test": ("all", "lacks_class", "other_order"),
    # Training
    "batch_size": (5, 3, 32),
    "optimizer": (
        "sgd",
        "default",
        "adamw",
        "object",
        "scheduled",
        "accumulating",
        "levenberg_marquardt",
    ),
    "learning_rate": (0.05, None),
    "schedule": (
        "constant",
        "cosine",
        "one_cycle",
        "step",
        "exponential",
        "polynomial",
        "plateau",
        "by_function",
        "of_keras",
    ),
    "warmup_epochs": (0, 1),
    "weight_decay": (None, 0.1),
    "global_clipnorm": (None, 0.3),
    "gradient_accumulation_steps": (None, 2),
    "label_smoothing": (0.0, 0.2),
    "mixing": ("none", "mixup", "cutmix", "both"),
    "class_weight": (None, "balanced", "by_name"),
    "augmentation": (
        None,
        "flip",
        "shift",
        "crop",
        "distort",
        "tones",
        "camera",
        "mixed",
        "three",
    ),
    "early_stopping": (None, 1),
    "monitor": ("loss", "accuracy"),
    "callbacks": ("none", "functions", "keras"),
    "ema": (None, 0.5),
    "stages": (None, "two", "fine_tune"),
    "layer_decay": (None, 0.5),
    "train_norm": (True, False),
    "mixed_precision": (False, True),
    "cache_features": ("auto", "none", 2),
    # What is done besides
    "further": (
        "nothing",
        "again",
        "interrupted",
        "interrupted_same_model",
        "killed",
        "failed",
        "saved",
        "described",
        "names",
        "files",
        "trained_further",
        "copied",
        "distributed",
    ),
}


@dataclass(frozen=True)
class Case:
    """A combination; its repr is code that makes it again."""

    body: str = "functional"
    head: str = "softmax"
    extra: str = "none"
    frozen: str = "nothing"
    own: str = "nothing"
    compiled: str = "no"
    data: str = "arrays"
    weights: str | None = None
    labels: str = "words"
    channels: int = 3
    pixels: str = "uint8"
    validation: str = "none"
    test: str = "all"
    batch_size: int = 5
    optimizer: str = "sgd"
    learning_rate: float | None = 0.05
    schedule: str = "constant"
    warmup_epochs: int = 0
    weight_decay: float | None = None
    global_clipnorm: float | None = None
    gradient_accumulation_steps: int | None = None
    label_smoothing: float = 0.0
    mixing: str = "none"
    class_weight: str | None = None
    augmentation: str | None = None
    early_stopping: int | None = None
    monitor: str = "loss"
    callbacks: str = "none"
    ema: float | None = None
    stages: str | None = None
    layer_decay: float | None = None
    train_norm: bool = True
    mixed_precision: bool = False
    cache_features: str | int = "auto"
    further: str = "nothing"
    # Whether TensorFlow makes graphs of the steps, as it does for users, which takes
    # longer for a few small batches than to do without.
    traced: bool = False
    # Values, which are drawn apart.
    epochs: int = 2
    images: int = 7
    seed: int = 1

    def __repr__(self):
        """Return code that makes the case, without what is plain."""
        differing = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )
        return f"Case({', '.join(differing)})"

    @property
    def number_of_classes(self):
        """How many classes the images have."""
        return 2 if self.head in TWO_CLASSES else 3

    @property
    def meaning(self):
        """What the outputs are: softmax, sigmoid, logits, a logit, distances."""
        return MEANING.get(self.head, "softmax")

    @property
    def is_graph(self):
        """Whether Keras knows the model as a graph of layers and no more."""
        return self.body not in ("subclass", "own_call") and self.own == "nothing"


MEANING = {
    "sigmoid": "sigmoid",
    "sigmoid_op": "sigmoid",
    "logit": "logit",
    "logits": "logits",
    "flatten_after": "logits",
    "distances": "distances",
}
OBJECTS = ("object", "scheduled", "accumulating")
TWO_CLASSES = ("sigmoid", "sigmoid_op", "logit", "softmax_of_two")
OF_OWN_RATE = ("by_function", "of_keras")
ONE_UNIT = ("sigmoid", "logit")

_RULES = []


def _rule(function):
    """Enter a rule: its parameters are the factors that it is about."""
    _RULES.append((tuple(inspect.signature(function).parameters), function))
    return function


def fits(levels):
    """Return whether levels, a dict of some factors or all, go together."""
    return not broken_rules(levels)


def broken_rules(levels):
    """Return in words the rules that levels, a dict of some factors or all, break."""
    return [
        rule.__doc__ if rule.__name__ == "rule" else rule.__name__.replace("_", " ")
        for names, rule in _RULES
        if all(name in levels for name in names)
        and not rule(*(levels[name] for name in names))
    ]


def fits_together(levels, name, level):
    """Return whether a level goes together with others, which fit each other."""
    levels = {**levels, name: level}
    return all(
        rule(*(levels[name] for name in names))
        for names, rule in _RULES
        if name in names and all(name in levels for name in names)
    )


def pair_of(one, other):
    """Return the pair of two (name, level), whichever comes first."""
    return (one, other) if one[0] < other[0] else (other, one)


def pairs_of(levels):
    """Return the pairs of levels that occur in a dict of them."""
    return {pair_of(*two) for two in itertools.combinations(levels.items(), 2)}


def possible_pairs(choices=CHOICES):
    """Return a list of the pairs of levels that fit together."""
    levels = [(name, level) for name in choices for level in choices[name]]
    return [
        pair_of(one, other)
        for one, other in itertools.combinations(levels, 2)
        if one[0] != other[0] and fits(dict((one, other)))
    ]


# What Keras's kinds of model cannot have


@_rule
def a_sequence_has_layers_only(body, head):
    """Operations have no place in a Sequential."""
    return body != "sequential" or head not in ("softmax_op", "sigmoid_op")


@_rule
def own_methods_need_a_class_of_their_own(body, own):
    """The class with its own call, and subclasses, have enough of their own."""
    return body not in ("subclass", "own_call") or own == "nothing"


@_rule
def the_criterion_for_distances_is_ours(head, compiled):
    """Keras has no loss for distances to prototypes."""
    return head != "distances" or compiled == "no"


@_rule
def logits_are_told_to_a_loss_by_an_object(head, compiled):
    """Of a name or a function Keras takes the outputs for probabilities."""
    takes_probabilities = ("string", "class_name", "function", "kl", "mse")
    logits = MEANING.get(head) in ("logit", "logits")
    return not logits or compiled not in takes_probabilities


@_rule
def divergence_is_between_distributions(head, compiled):
    """A single unit is none."""
    return compiled != "kl" or MEANING.get(head) != "sigmoid"


# What is refused, by name, as a contradiction


@_rule
def a_compiled_model_keeps_its_optimizer(optimizer, compiled):
    """It is an object there; the argument is then left out."""
    return compiled == "no" or optimizer in OBJECTS


@_rule
def a_compiled_model_keeps_its_decay(compiled, weight_decay):
    """As its optimizer."""
    return compiled == "no" or weight_decay is None


@_rule
def a_compiled_model_keeps_its_averages(compiled, ema):
    """As its optimizer."""
    return compiled == "no" or ema is None


@_rule
def a_compiled_model_keeps_its_smoothing(compiled, label_smoothing):
    """As its loss."""
    return compiled == "no" or label_smoothing == 0


@_rule
def mixed_classes_need_soft_targets(compiled, mixing):
    """A loss for codes cannot take them."""
    return compiled == "no" or mixing == "none"


@_rule
def an_optimizer_has_its_own_decay(optimizer, weight_decay):
    """An object's settings are its own."""
    return optimizer not in (*OBJECTS, "levenberg_marquardt") or weight_decay is None


@_rule
def an_optimizer_has_its_own_averages(optimizer, ema):
    """An object's settings are its own."""
    return optimizer not in (*OBJECTS, "levenberg_marquardt") or ema is None


@_rule
def a_compiled_model_keeps_its_clipping(compiled, global_clipnorm):
    """As its optimizer."""
    return compiled == "no" or global_clipnorm is None


@_rule
def a_compiled_model_keeps_its_steps(compiled, gradient_accumulation_steps):
    """As its optimizer."""
    return compiled == "no" or gradient_accumulation_steps is None


@_rule
def an_optimizer_has_its_own_clipping(optimizer, global_clipnorm):
    """An object's settings are its own."""
    return optimizer not in OBJECTS or global_clipnorm is None


@_rule
def an_optimizer_has_its_own_steps(optimizer, gradient_accumulation_steps):
    """An object's settings are its own."""
    return optimizer not in OBJECTS or gradient_accumulation_steps is None


@_rule
def averages_begin_with_the_first_step(ema, gradient_accumulation_steps):
    """Keras's of accumulated gradients begin later, and are compared with nothing."""
    return ema is None or gradient_accumulation_steps is None


@_rule
def accumulated_gradients_need_one_device(further, gradient_accumulation_steps):
    """TensorFlow's devices take each step by themselves."""
    return further != "distributed" or gradient_accumulation_steps is None


@_rule
def a_step_takes_several_batches(batch_size, gradient_accumulation_steps):
    """A batch of all images is one a run, in the shortest."""
    return batch_size != 32 or gradient_accumulation_steps is None


@_rule
def copies_are_of_one_device(cache_features, further):
    """Several devices cache nothing."""
    return cache_features != 2 or further != "distributed"


@_rule
def distances_have_one_class_per_image(head, mixing):
    """The criterion takes a code."""
    return head != "distances" or mixing == "none"


@_rule
def distances_are_not_smoothed(head, label_smoothing):
    """The criterion takes a code."""
    return head != "distances" or label_smoothing == 0


@_rule
def there_is_one_rate(schedule, learning_rate):
    """Some schedules have their own."""
    return schedule not in OF_OWN_RATE or learning_rate is None


@_rule
def an_optimizers_schedule_gives_way_to_a_rate(optimizer, learning_rate, schedule):
    """To another schedule, it is refused."""
    given = learning_rate is not None or schedule in OF_OWN_RATE
    return optimizer != "scheduled" or given or schedule == "constant"


@_rule
def an_optimizers_schedule_has_no_warm_up(optimizer, learning_rate, warmup_epochs):
    """Beside it, a warm-up is refused."""
    given = learning_rate is not None
    return optimizer != "scheduled" or given or warmup_epochs == 0


@_rule
def what_is_monitored_decides_something(monitor, early_stopping):
    """Otherwise it is refused."""
    return monitor == "loss" or early_stopping is not None


@_rule
def a_compiled_model_has_metrics_of_its_own(monitor, compiled):
    """They may be called otherwise, or there are none."""
    return monitor == "loss" or compiled == "no"


@_rule
def own_steps_have_metrics_of_their_own(monitor, own):
    """They may give the loss alone."""
    return monitor == "loss" or own == "nothing"


@_rule
def policies_of_colours_have_grey_or_rgb(augmentation, channels):
    """They refuse other images by name."""
    return augmentation not in ("mixed", "three") or channels != 5


@_rule
def copies_are_of_changed_images(cache_features, augmentation):
    """Without changes they would all be the same."""
    return cache_features != 2 or augmentation is not None


@_rule
def copies_are_of_a_frozen_start(cache_features, frozen):
    """Where nothing is frozen there is nothing to keep."""
    return cache_features != 2 or frozen != "nothing"


@_rule
def copies_are_not_for_stages(cache_features, stages):
    """In the last one nothing is frozen."""
    return cache_features != 2 or stages is None


@_rule
def copies_are_not_mixed(cache_features, mixing):
    """Mixed images are never the same."""
    return cache_features != 2 or mixing == "none"


@_rule
def curvatures_are_not_measured_on_features(cache_features, optimizer):
    """Levenberg and Marquardt's needs the images."""
    return cache_features != 2 or optimizer != "levenberg_marquardt"


@_rule
def stages_choose_the_layers(stages, frozen):
    """They say what is trained, whatever was before."""
    return stages is None or frozen == "nothing"


@_rule
def stages_are_of_a_graph(stages, body):
    """Where the head of a model with its own `call()` begins is known to nobody."""
    return stages is None or body not in ("subclass", "own_call")


@_rule
def distances_are_of_a_graph(head, body):
    """That outputs are distances cannot be said, only seen."""
    return head != "distances" or body not in ("subclass", "own_call")


@_rule
def curvature_is_of_the_plain_loss(optimizer, own):
    """Levenberg and Marquardt's is that of the cross-entropy, and is refused else."""
    return optimizer != "levenberg_marquardt" or own == "nothing"


# `fine_tune` has few arguments


def _not_in_fine_tune(name):
    plain = CHOICES[name][0]

    def rule(stages, other):
        return stages != "fine_tune" or other == plain

    rule.__doc__ = f"`fine_tune` takes no `{name}`."
    _RULES.append((("stages", name), rule))


for _name in (
    "schedule",
    "warmup_epochs",
    "weight_decay",
    "label_smoothing",
    "mixing",
    "class_weight",
    "ema",
    "layer_decay",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "mixed_precision",
):
    _not_in_fine_tune(_name)


@_rule
def fine_tune_has_the_default_optimizer(stages, optimizer):
    """`fine_tune` takes no `optimizer`."""
    return stages != "fine_tune" or optimizer in ("default", *OBJECTS)


@_rule
def fine_tune_takes_a_compiled_models_optimizer(stages, optimizer, compiled):
    """It gives none of its own."""
    return stages != "fine_tune" or (optimizer in OBJECTS) == (compiled != "no")


@_rule
def fine_tune_has_a_rate(stages, learning_rate):
    """It has no rate of the optimizer's own."""
    return stages != "fine_tune" or learning_rate is not None


@_rule
def fine_tune_keeps_features_when_it_can(stages, cache_features):
    """`fine_tune` takes no `cache_features`."""
    return stages != "fine_tune" or cache_features == "auto"


@_rule
def losses_are_of_one_type(mixed_precision, extra):
    """Keras cannot add losses of layers in bfloat16 to the others."""
    return not mixed_precision or extra not in ("activity_l2", "added_loss")


# What data cannot be


@_rule
def files_have_colours(data, channels):
    """Files have one channel or three."""
    return data not in ("folder", "table", "copies") or channels != 5


@_rule
def files_have_whole_numbers(data, pixels):
    """Files hold bytes."""
    return data not in ("folder", "table", "copies") or pixels == "uint8"


@_rule
def deep_files_have_fractions(data, pixels):
    """Their values have more than 8 bits, and are brought to 0 to 255."""
    return data not in ("tiff", "npy", "tiles") or pixels == "float32"


@_rule
def tiles_have_no_weights(data, weights):
    """They are of a table."""
    return data != "tiles" or weights is None


@_rule
def files_for_files(further, channels):
    """Files have one channel or three."""
    return further != "files" or channels != 5


@_rule
def bytes_for_files(further, pixels):
    """Files hold bytes."""
    return further != "files" or pixels != "float32"


@_rule
def bytes_in_files_for_files(further, data):
    """Deep files do not."""
    return further != "files" or data not in ("tiff", "npy", "tiles")


@_rule
def a_folder_has_no_weights(data, weights):
    """They are of a table."""
    return data != "folder" or weights is None


@_rule
def a_folder_knows_its_classes(data, labels):
    """A folder's classes are in the order of their names."""
    return data != "folder" or labels != "reversed"


# What has nothing to be compared with


@_rule
def curvature_is_not_kept_up(optimizer, further):
    """Plain Keras has no such optimizer to train further with."""
    return optimizer != "levenberg_marquardt" or further != "trained_further"


@_rule
def curvature_has_no_layered_rates(optimizer, layer_decay):
    """It is compared with nothing."""
    return optimizer != "levenberg_marquardt" or layer_decay is None


@_rule
def further_training_is_plain(further, stages):
    """One more epoch comes after one stage."""
    return further != "trained_further" or stages is None


@_rule
def layered_rates_need_one_device(further, layer_decay):
    """TensorFlow's devices scale their copies by themselves."""
    return further != "distributed" or layer_decay is None


@_rule
def accumulation_needs_one_device(further, optimizer):
    """TensorFlow's devices take each step by themselves."""
    return further != "distributed" or optimizer != "accumulating"


@_rule
def curvature_needs_one_device(further, optimizer):
    """Levenberg and Marquardt's is for one device."""
    return further != "distributed" or optimizer != "levenberg_marquardt"


@_rule
def statistics_are_of_a_device(further, extra):
    """Batch normalisation and dropout are each device's own under TensorFlow."""
    own = ("batch_norm", "dropout", "noise_in_front", "flips_in_front")
    return further != "distributed" or extra not in own
