"""How a case calls the core: the arguments that its levels stand for."""

import keras

import reticnn

from .models import leaves, new_optimizer

SHARE = 0.3

MIXING = {"none": (0.0, 0.0), "mixup": (0.4, 0.0), "cutmix": (0.0, 1.0)}
MIXING["both"] = (0.4, 1.0)

AUGMENTATIONS = {
    None: None,
    "flip": lambda: reticnn.augmentation(flip="horizontal"),
    "shift": lambda: reticnn.augmentation(translation=0.2),
    "crop": lambda: reticnn.augmentation(crop={"scale": (0.3, 1)}),
    "distort": lambda: reticnn.augmentation(perspective=0.3, elastic=0.5),
    "tones": lambda: reticnn.augmentation(
        auto_contrast=0.5, gamma=1.5, invert=0.3, erasing={"ratio": 2, "count": 3}
    ),
    "camera": lambda: reticnn.augmentation(motion_blur=3, downscaling=(0.5, 1)),
    "mixed": reticnn.aug_mix,
    "three": reticnn.three_augment,
}

# Those of Keras's, and what they begin with, are for the loop over plain Keras too.
OWN_RATE = 0.07
SCHEDULES = {
    "step": {"kind": "step", "at": [1], "factor": 0.3},
    "exponential": {"kind": "exponential", "every": 1, "factor": 0.5},
    "polynomial": {"kind": "polynomial", "power": 2, "end_learning_rate": 1e-4},
    # Whatever the loss does, it is none lower by so much.
    "plateau": {"kind": "plateau", "patience": 1, "min_delta": 100, "factor": 0.3},
    "by_function": lambda epoch: OWN_RATE / epoch,
    "of_keras": keras.optimizers.schedules.InverseTimeDecay(OWN_RATE, 1, 0.5),
}


def weights_by_name(classes):
    """Return a weight for each class by its name."""
    return {name: 0.5 + number for number, name in enumerate(sorted(classes))}


def stages_of(case, model):
    """Return the stages of a case as dicts: their rate, and which layers they train.

    The latter is a function of a layer, or None for those that are trained already.
    """
    if case.stages is None:
        return [{"learning_rate": case.learning_rate, "trained": None}]
    rate = case.learning_rate

    def head(layer):
        return layer.name.startswith("head")

    def everything(layer):
        return True

    if case.stages == "two":
        return [
            {"learning_rate": rate, "trained": head},
            {"learning_rate": rate, "trained": everything},
        ]
    return [
        {"learning_rate": rate, "trained": head},
        {"learning_rate": rate / 10, "trained": _last_quarter(case, model, head)},
        {"learning_rate": rate / 100, "trained": everything},
    ]


def _last_quarter(case, model, head):
    """Return whether a layer is of the head or the last quarter of those before."""
    before = [layer for layer in leaves(model) if not head(layer)]
    with_weights = [n for n, layer in enumerate(before) if layer.weights]
    first = with_weights[-max(1, len(with_weights) // 4)]
    last = {id(layer) for layer in before[first:]}
    return lambda layer: head(layer) or id(layer) in last


def arguments_of(case, classes, validation, as_in_r=False):
    """Return the arguments of `fit_classifier`, or of `fine_tune` if it is that.

    As in R, whole numbers are floats, and what is off is None.
    """
    number = float if as_in_r else int
    arguments = {
        "validation": {"share": SHARE, "none": None}.get(case.validation, validation),
        "epochs": number(case.epochs),
        "batch_size": number(case.batch_size),
        "learning_rate": case.learning_rate,
        "early_stopping": case.early_stopping and number(case.early_stopping),
        "progress": "none",
        "seed": number(case.seed),
    }
    if case.body in ("own_call", "subclass"):
        arguments["output"] = _output(case)
    arguments["train_norm"] = case.train_norm
    policy = AUGMENTATIONS[case.augmentation]
    arguments["augmentation"] = policy and policy()
    if case.monitor != "loss":
        validated = case.validation != "none"
        arguments["monitor"] = f"val_{case.monitor}" if validated else case.monitor
    arguments["callbacks"] = _callbacks(case)
    if case.stages == "fine_tune":
        return arguments
    mixup, cutmix = MIXING[case.mixing]
    cached = case.cache_features
    arguments |= {
        "schedule": SCHEDULES.get(case.schedule, case.schedule),
        "warmup_epochs": number(case.warmup_epochs),
        "label_smoothing": case.label_smoothing,
        "mixup": mixup,
        "cutmix": cutmix,
        "class_weight": case.class_weight,
        "weight_decay": case.weight_decay,
        "global_clipnorm": case.global_clipnorm,
        "gradient_accumulation_steps": case.gradient_accumulation_steps
        and number(case.gradient_accumulation_steps),
        "ema": case.ema,
        "layer_decay": case.layer_decay,
        "mixed_precision": case.mixed_precision,
        "cache_features": cached if isinstance(cached, str) else number(cached),
    }
    if case.class_weight == "by_name":
        arguments["class_weight"] = weights_by_name(classes)
    if case.compiled == "no":
        arguments["optimizer"] = new_optimizer(case)
    if case.stages == "two":
        arguments["stages"] = [{"train": "head"}, {"train": "all"}]
    return arguments


def _callbacks(case):
    """Return callbacks that look at everything and change nothing."""
    seen = []
    if case.callbacks == "functions":
        return {
            "on_train_batch_end": lambda batch, logs: seen.append((batch, logs)),
            "on_epoch_end": lambda epoch, logs: seen.append((epoch, logs)),
            "on_test_end": lambda logs: seen.append(logs),
        }
    if case.callbacks == "keras":
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append((epoch, dict(logs)))
        )
    return None


def _output(case):
    """Return what is to be said of outputs that a `call()` of its own makes."""
    return {"logit": "logits"}.get(case.meaning, case.meaning)


def train(case, model, data, classes, validation, **changed):
    """Train as the case says, with some arguments changed."""
    as_in_r = changed.pop("as_in_r", False)
    arguments = arguments_of(case, classes, validation, as_in_r)
    call = reticnn.fine_tune if case.stages == "fine_tune" else reticnn.fit_classifier
    if call is reticnn.fit_classifier:
        changed = {"distribute": "none", **changed}
    return call(model, data, **{**arguments, **changed})
