"""The oracle: the training that a case asks for, by plain Keras, batch by batch.

What is written in the documentation of `fit_classifier` is done here by the shortest
road: `train_on_batch`, eagerly, with nothing cached, saved or spread. Only what is
drawn at random is taken from the core: who is mixed with whom, and the augmentation.
"""

import contextlib
import math

import keras
import numpy as np

import reticnn
from reticnn.augmenting.host import apply
from reticnn.layers.rbf import MAPLoss, nearest_is_right
from reticnn.training.callbacks.seeds import EpochSeeds, seed_layers
from reticnn.training.mixing import Mixing

from .calls import (
    AUGMENTATIONS,
    MIXING,
    SCHEDULES,
    SHARE,
    stages_of,
    weights_by_name,
)
from .models import (
    DECAY,
    compile_by_user,
    freeze_parts,
    leaves,
    new_optimizer,
    targets_are_one_hot,
)


class Loop:
    """Plain training of the model of a case.

    Attributes:
        history: Dict of lists, one value per epoch.
        positions: Positions of the images that are trained on.
    """

    def __init__(self, case, model, images, validation):
        """Take the case, its model, not compiled, and the `Images`."""
        self.case, self.model = case, model
        self.history = {}
        self.positions, self.validation = _parts(case, images, validation)
        self.pixels = images.pixels[self.positions]
        self.codes = images.codes[self.positions]
        self.classes = images.classes
        self._weights = images.weights
        if images.weights is not None:
            self._weights = images.weights[self.positions]
        self._epoch = 0
        self._best_loss, self._best = math.inf, None
        self._ema, self._averages = case.ema, None

    def train(self):
        """Train through all stages, or in one."""
        case = self.case
        if case.compiled != "no":
            compile_by_user(case, self.model, _without_schedule(case), run_eagerly=True)
        if case.mixed_precision:
            for layer in list(leaves(self.model))[:-1]:
                layer.dtype_policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
        stages = stages_of(case, self.model)
        for number, stage in enumerate(stages):
            before = _penalty(self.model)
            _choose(self.model, stage["trained"])
            # The loss of the best weights has in it what Keras adds for trained ones.
            if case.monitor == "loss":
                self._best_loss += _penalty(self.model) - before
            if case.compiled == "no" and number == 0:
                self._compile()
            elif stage["trained"] is not None:
                self._renew_optimizer()
            if number == 0:
                self._own_rate = float(self.model.optimizer.learning_rate)
            self._one_stage(case.epochs, stage["learning_rate"])
        if case.mixed_precision:
            for layer in list(leaves(self.model))[:-1]:
                layer.dtype_policy = keras.dtype_policies.DTypePolicy("float32")
        if self._is_new:
            # Else the weights that are kept have statistics of their own stage.
            self._settle()
        return self

    def train_further(self, epochs):
        """Train once more, with the optimizer as it is, and without averages."""
        self._best_loss, self._best, self._epoch = math.inf, None, 0
        self._ema = self._averages = None
        self._one_stage(epochs, self.case.learning_rate)
        self._settle()
        return self

    @property
    def epochs(self):
        """Number of epochs trained."""
        return len(self.history["loss"])

    def _compile(self):
        case = self.case
        loss, metric = _loss_and_metric(case)
        optimizer = _without_schedule(case) or new_optimizer(case) or "adam"
        if isinstance(optimizer, str):
            config = {} if case.weight_decay is None else {"weight_decay": 0.1}
            for name in ("global_clipnorm", "gradient_accumulation_steps"):
                config[name] = getattr(case, name)
            optimizer = keras.optimizers.get(
                {"class_name": optimizer, "config": config}
            )
        self.model.compile(optimizer, loss, metrics=[metric], run_eagerly=True)
        self._spare_small(optimizer)

    def _spare_small(self, optimizer):
        if optimizer.weight_decay and self.case.compiled == "no":
            small = [v for v in self.model.trainable_variables if len(v.shape) < 2]
            optimizer.exclude_from_weight_decay(var_list=small)

    def _renew_optimizer(self):
        """Give the model an optimizer for the weights that are trained by now."""
        old = self.model.optimizer
        new = type(old).from_config(old.get_config())
        self._spare_small(new)
        self._averages = None
        new.build(self.model.trainable_variables)
        self.model.optimizer = new

    def _one_stage(self, epochs, rate):
        case, model = self.case, self.model
        seed_layers(model, case.seed)
        steps = -(-len(self.codes) // case.batch_size)
        rates = _rates(case, rate or self._own_rate, steps * epochs, steps)
        follows_its_own = case.schedule == "constant" and case.warmup_epochs == 0
        if case.optimizer == "scheduled" and follows_its_own and rate is None:
            first = int(model.optimizer.iterations)
            rates = _decaying(first, steps * epochs)
        plateau, scale = _plateau(case, model), 1.0
        if self._ema is not None and self._averages is None:
            self._averages = _Averages(self._ema, model)
        averages = self._averages
        first = self._epoch
        better = first - 1
        if self._best is None and case.early_stopping:
            self._best = model.get_weights()
        for epoch in range(first, first + epochs):
            _seed_dropout(case.seed, epoch)
            of_batches = []
            for step, batch in enumerate(self._batches(epoch)):
                rate_now = rates[(epoch - first) * steps + step] * scale
                model.optimizer.learning_rate = rate_now
                before = _values(model)
                model.reset_metrics()  # Keras 3.12 would go on with the last batch's
                with _statistics_kept(model, not case.train_norm):
                    logs = model.train_on_batch(*batch, return_dict=True)
                of_batches.append((logs, batch))
                _slow_down(model, before, case.layer_decay)
                if averages:
                    averages.note()
            self._epoch += 1
            logs = self._means(of_batches)
            raw = averages.put_in() if averages else None
            unsettled = model.get_weights()
            if self.validation:
                self._settle()
                pixels, targets, weights = self.validation
                found = model.evaluate(
                    pixels,
                    targets,
                    case.batch_size,
                    sample_weight=weights,
                    verbose=0,
                    return_dict=True,
                )
                logs |= {f"val_{name}": value for name, value in found.items()}
            self._note(logs)
            if plateau and epoch - first >= case.warmup_epochs:
                model.optimizer.learning_rate = 1.0
                plateau.on_epoch_end(epoch, dict(logs))
                scale *= float(model.optimizer.learning_rate)
            sign = 1 if case.monitor == "loss" else -1
            name = f"val_{case.monitor}" if self.validation else case.monitor
            # Accuracies that are equal but for rounding are not better.
            loss = logs[name] if sign == 1 else -round(logs[name], 5)
            if case.early_stopping and loss < self._best_loss:
                self._best_loss, self._best = loss, model.get_weights()
                better = epoch
            if case.early_stopping and epoch - better >= case.early_stopping:
                break
            model.set_weights(unsettled)
            if averages and epoch + 1 < first + epochs:
                averages.put_back(raw)
        if case.early_stopping:
            model.set_weights(self._best)
        self._is_new = not case.early_stopping or better >= first

    def _settle(self):
        """Give batch normalisations the statistics of all training images."""
        seen = {
            layer: _inputs_seen(layer)
            for layer in leaves(self.model)
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.trainable
            and self.case.train_norm
        }
        if not seen:
            return
        self.model(self.pixels, training=False)
        for layer, inputs in seen.items():
            del layer.call
            inputs = np.concatenate(inputs).astype("float64")
            layer.moving_mean.assign(inputs.mean(axis=(0, 1, 2)))
            layer.moving_variance.assign(inputs.var(axis=(0, 1, 2)))

    def _means(self, of_batches):
        """Return the mean over an epoch of what Keras says of each batch."""
        counts = [len(batch[0]) for _, batch in of_batches]
        weights = [
            sum(batch[2]) if batch[2:] else len(batch[0]) for _, batch in of_batches
        ]
        weighted = self.case.compiled == "weighted_metrics"
        return {
            name: np.average(
                [logs[name] for logs, _ in of_batches],
                weights=weights if weighted and name != "loss" else counts,
            )
            for name in of_batches[0][0]
        }

    def _note(self, logs):
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))

    def _batches(self, epoch):
        """Yield (images, targets, weights) in the order of an epoch."""
        case, count = self.case, len(self.codes)
        rng = np.random.Generator(
            np.random.Philox(np.random.SeedSequence([case.seed, epoch]))
        )
        order = rng.permutation(count)
        mixing = Mixing(*MIXING[case.mixing])
        if mixing:
            mixing.start_epoch(count, case.seed, epoch)
        weights = self._weights_of_images()
        copy = epoch % case.cache_features if case.cache_features == 2 else epoch
        for start in range(0, count, case.batch_size):
            places = np.arange(start, min(start + case.batch_size, count))
            chosen = order[places]
            pixels, shares = self._changed(chosen, copy), self._shares(chosen)
            targets = targets_of(case, self.codes[chosen])
            if mixing:
                partners = order[mixing.partners[places]]
                others = self._changed(partners, copy)
                pixels, own = mixing.mixed(pixels, others, places)
                shares = own * shares + (1 - own) * self._shares(partners)
                targets = shares if targets_are_one_hot(case) else shares[:, 1:]
            if weights is None:
                yield pixels, targets
                continue
            of_batch = weights[chosen]
            if mixing:
                own = own[:, 0]
                of_batch = own * of_batch + (1 - own) * weights[partners]
            yield pixels, targets, of_batch

    def _shares(self, positions):
        """Return how much of an image is of which class: rows of 0 and 1."""
        return np.eye(len(self.classes), dtype="float32")[self.codes[positions]]

    def _changed(self, positions, epoch):
        pixels = self.pixels[positions]
        policy = AUGMENTATIONS[self.case.augmentation]
        if policy is None:
            return pixels
        whole = (self.pixels == np.round(self.pixels)).all()
        pixels = pixels.astype("uint8") if whole else pixels
        return apply(policy(), pixels, self.case.seed, epoch, positions)

    def _weights_of_images(self):
        """Return how much each image counts, with its class, or None."""
        if self.case.class_weight is None and self._weights is None:
            return None
        own = np.ones(len(self.codes)) if self._weights is None else self._weights
        of_classes = np.ones(len(self.classes))
        if self.case.class_weight == "by_name":
            weights = weights_by_name(self.classes)
            of_classes = np.array([weights[name] for name in self.classes])
        if self.case.class_weight == "balanced":
            totals = np.array([own[self.codes == code].sum() for code in range(3)])
            totals = totals[: len(self.classes)]
            with np.errstate(divide="ignore"):
                of_classes = own.sum() / np.count_nonzero(totals) / totals
            of_classes[totals == 0] = 0
        return (own * of_classes[self.codes]).astype("float32")


def _penalty(model):
    """Return what Keras adds to the loss for the sizes of weights."""
    weights = model.trainable_variables
    return sum(float(v.regularizer(v)) for v in weights if v.regularizer is not None)


def targets_of(case, codes):
    """Return what the loss of a case compares the outputs with."""
    if targets_are_one_hot(case):
        return np.eye(case.number_of_classes, dtype="float32")[codes]
    if case.meaning in ("sigmoid", "logit"):
        return codes[:, None].astype("float32")
    return codes


def _parts(case, images, validation):
    """Return positions of the images to train on, and what to validate on or None."""
    if case.validation == "share":
        kept, apart = positions_of_parts(case, images)
        targets = targets_of(case, images.codes[apart])
        weights = None if images.weights is None else images.weights[apart]
        return kept, (images.pixels[apart], targets, weights)
    everything = np.arange(len(images.codes))
    if validation is None:
        return everything, None
    theirs = np.array([images.classes.index(name) for name in validation.classes])
    targets = targets_of(case, theirs[validation.codes])
    return everything, (validation.pixels, targets, validation.weights)


def positions_of_parts(case, images):
    """Return the positions of the images that are trained on and set apart."""
    parts = reticnn.split_images(
        images.data, {"train": 1 - SHARE, "validation": SHARE}, seed=case.seed
    )
    where = {
        position: n for n, position in reversed(list(enumerate(images.data.indices)))
    }
    return [
        np.array([where[position] for position in part.indices])
        for part in parts.values()
    ]


def _choose(model, trained):
    """Let the layers be trained for which a function of their names is true."""
    if trained is None:
        return
    for layer in leaves(model):
        layer.trainable = trained(layer) and layer.name != "head_prototypes"
    freeze_parts(model)


def _loss_and_metric(case):
    smoothing = {"label_smoothing": case.label_smoothing}
    if case.meaning == "distances":
        return MAPLoss(), keras.metrics.MeanMetricWrapper(nearest_is_right, "accuracy")
    logits = case.meaning in ("logit", "logits")
    if case.meaning in ("sigmoid", "logit"):
        threshold = 0.0 if logits else 0.5
        accuracy = keras.metrics.MeanMetricWrapper(
            lambda y, y_pred: (y > 0.5) == (y_pred > threshold), "accuracy"
        )
        return keras.losses.BinaryCrossentropy(logits, **smoothing), accuracy
    if targets_are_one_hot(case):
        return (
            keras.losses.CategoricalCrossentropy(logits, **smoothing),
            keras.metrics.CategoricalAccuracy("accuracy"),
        )
    return (
        keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        keras.metrics.SparseCategoricalAccuracy("accuracy"),
    )


def _rates(case, rate, steps, steps_per_epoch):
    """Return the learning rate of each step."""
    warmup = case.warmup_epochs * steps_per_epoch
    rates = []
    for step in range(steps):
        after = max(0, step - warmup)
        rates.append(
            _rate_at(case, rate, step, after, steps - warmup, steps_per_epoch)
            * min(1.0, (step + 1) / (warmup + 1))
        )
    return rates


def _rate_at(case, rate, step, after, steps, steps_per_epoch):
    """Return the rate of a step without its warm-up, `after` which it is so many."""
    schedules, done = keras.optimizers.schedules, min(1.0, after / max(1, steps))
    settings = SCHEDULES.get(case.schedule)
    if case.schedule == "cosine":
        return rate * _half_cosine(done, 1, 0)
    if case.schedule == "one_cycle":
        rises = done < 0.3
        return rate * (
            _half_cosine(done / 0.3, 1 / 25, 1)
            if rises
            else _half_cosine((done - 0.3) / 0.7, 1, 1 / 25 / 1e4)
        )
    if case.schedule == "step":
        (at,) = settings["at"]
        last = at * steps_per_epoch - 1
        values = [rate, rate * settings["factor"]]
        return float(schedules.PiecewiseConstantDecay([last], values)(step))
    if case.schedule == "exponential":
        decay = schedules.ExponentialDecay(rate, steps_per_epoch, settings["factor"])
        return float(decay(after))
    if case.schedule == "polynomial":
        end, power = settings["end_learning_rate"], settings["power"]
        decay = schedules.PolynomialDecay(rate, max(1, steps), end, power)
        return float(decay(after))
    if case.schedule == "by_function":
        return settings(1 + step // steps_per_epoch)
    if case.schedule == "of_keras":
        return float(settings(after))
    return rate


def _plateau(case, model):
    """Return Keras's callback for a rate that falls on a plateau, or None."""
    if case.schedule != "plateau":
        return None
    settings = {**SCHEDULES["plateau"]}
    del settings["kind"]
    metric = case.monitor if case.validation == "none" else f"val_{case.monitor}"
    mode = "min" if case.monitor == "loss" else "max"
    plateau = keras.callbacks.ReduceLROnPlateau(metric, mode=mode, **settings)
    plateau.set_model(model)
    plateau.on_train_begin()
    return plateau


def _without_schedule(case):
    """Return the optimizer of a case that has a schedule, without it, or None."""
    if case.optimizer == "scheduled":
        return keras.optimizers.SGD(DECAY[0], momentum=0.5)
    return None


def _decaying(first, steps):
    """Return the rates of the schedule of an optimizer's own."""
    rate, of_steps, fall = DECAY
    return [rate / (1 + fall * (first + step) / of_steps) for step in range(steps)]


def _half_cosine(done, start, end):
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _values(model):
    return [variable.numpy() for variable in model.trainable_variables]


def _slow_down(model, before, decay):
    """Take back a part of a step, a larger one the further a layer is from the end."""
    if decay is None:
        return
    factors, depth = {}, 0
    for layer in reversed(list(leaves(model))):
        own = layer.trainable_variables
        factors.update({id(variable): decay**depth for variable in own})
        depth += any(len(variable.shape) > 1 for variable in own)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        variable.assign(old + factors[id(variable)] * (variable.numpy() - old))


@contextlib.contextmanager
def _statistics_kept(model, wanted):
    """Have batch normalisation run as in inference, if wanted."""
    layers = [
        layer
        for layer in leaves(model)
        if wanted and isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.call = _in_inference(layer.call)
    yield
    for layer in layers:
        del layer.call


def _seed_dropout(seed, epoch):
    """Have torch's global state, which dropout draws from, as it is in `fit()`."""
    EpochSeeds(seed).on_epoch_begin(epoch)
    if keras.backend.backend() == "torch":
        import torch

        # What `fit()` takes its batches from draws a number when an epoch begins.
        torch.empty((), dtype=torch.int64).random_()


def _in_inference(call):
    """Return a layer's `call` that takes no notice of training."""
    return lambda x, **options: call(x, **{**options, "training": False})


def _inputs_seen(layer):
    """Return a list to which each call of a layer adds what it is given."""
    call, inputs = layer.call, []

    def noted(x, **options):
        inputs.append(keras.ops.convert_to_numpy(x))
        return call(x, **options)

    layer.call = noted
    return inputs


class _Averages:
    """The moving averages of the trained weights."""

    def __init__(self, momentum, model):
        self._momentum, self._model = momentum, model
        self._averages = None

    def note(self):
        """Take a step's weights in."""
        values, share = _values(self._model), self._momentum
        if self._averages is None:
            self._averages = values
        self._averages = [
            share * old + (1 - share) * new
            for old, new in zip(self._averages, values, strict=True)
        ]

    def put_in(self):
        """Put the averages into the model, and return its own weights."""
        raw = _values(self._model)
        self.put_back(self._averages)
        return raw

    def put_back(self, values):
        """Put weights into the model."""
        for variable, value in zip(
            self._model.trainable_variables, values, strict=True
        ):
            variable.assign(value)
