"""Loss, metric, optimizer and learning rate of a model about to be trained."""

from reticnn.coercion import as_choice, shown
from reticnn.graph import scales_and_biases
from reticnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from reticnn.optimizers.schedules import Schedule
from reticnn.outputs import loss_and_metric, takes_one_hot
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import (
    compiled_as_given,
    compiled_here,
    go_on_from,
    innermost,
    new_like,
    note_compiled_here,
    rate_or_schedule,
    set_optimizer,
    settings_of,
    spare_from_decay,
    spares_from_decay,
    steps_done,
    trained_by,
)
from reticnn.training.further_metrics import metrics_for
from reticnn.training.settings import OF_OPTIMIZER


def compile_model(model, settings, kind):
    """Compile the model, unless the user has, in which case it keeps its own.

    A model that was compiled here before goes on with its optimizer, or gets another if
    the settings ask for another one.

    Args:
        model: Keras model.
        settings: `TrainingSettings`.
        kind: What its outputs are, as `output_kind` says it.

    Raises:
        ValueError: If the user compiled the model and a setting would change that.
    """
    if model.compiled and not compiled_here(model):
        _check_keeps_its_own(model, settings)
        follow_trainable(model)
        return
    loss, accuracy = loss_and_metric(
        model, kind, settings.label_smoothing, settings.mixes
    )
    one_hot = isinstance(loss, keras.losses.CategoricalCrossentropy)
    units = model.output_shape[1]
    metrics = [accuracy, *metrics_for(settings.metrics, kind, units, one_hot)]
    optimizer = (
        _next_optimizer(model, settings)
        if model.compiled
        else _unused(_optimizer(settings))
    )
    if (
        not model.compiled
        or optimizer not in (model.optimizer, innermost(model.optimizer))
        or _differ(model, loss, metrics)
    ):
        model.compile(optimizer, loss, metrics=metrics)
        note_compiled_here(model)
    if not optimizer.built:
        _spare_biases(optimizer, model)
    follow_trainable(model)


def compile_like(copy, model, optimizer=None):
    """Compile a copy of a compiled model with its loss, to be trained for itself.

    Args:
        copy: Keras model.
        model: Keras model, compiled.
        optimizer: Name of an optimizer, or None for one like the model's.
    """
    own = innermost(model.optimizer)
    fresh = new_like(model.optimizer) if optimizer is None else _by_name(optimizer)
    given = {**compiled_as_given(model), "metrics": None, "weighted_metrics": None}
    copy.compile(**{**given, "optimizer": fresh})
    pairs = zip(copy.weights, model.weights, strict=True)
    spare_from_decay(fresh, [one for one, v in pairs if spares_from_decay(own, v)])


def set_learning_rate(
    model,
    learning_rate,
    schedule,
    steps_per_epoch,
    epochs,
    warmup_epochs,
    first_step=None,
):
    """Set the learning rate and its schedule, if they differ from the current ones.

    Args:
        model: Keras model, compiled.
        learning_rate: Float, or None for the current one.
        schedule: `ScheduleSettings`.
        steps_per_epoch: Whole number.
        epochs: Whole number, those of the run.
        warmup_epochs: Whole number, those of the warm-up.
        first_step: The optimizer's step at which the run begins, or None for now.

    Returns:
        The learning rate, of a schedule the highest.
    """
    optimizer = model.optimizer
    current = rate_or_schedule(optimizer)
    stays = schedule.changes_nothing and warmup_epochs == 0
    if schedule.gives_rates:
        learning_rate = schedule.highest_rate(steps_per_epoch * epochs)
    elif learning_rate is None:
        ours = isinstance(current, Schedule)
        learning_rate = current.rate if ours else _rate_now(optimizer)
        if stays and not ours:
            return learning_rate
    elif stays and not callable(current):
        optimizer.learning_rate = learning_rate
        return learning_rate
    schedule.check_fits(learning_rate, epochs, warmup_epochs)
    if first_step is None:
        first_step = steps_done(optimizer)
    optimizer.learning_rate = schedule.by_step(
        learning_rate, steps_per_epoch, epochs, warmup_epochs, first_step
    )
    model.make_train_function(force=True)
    return learning_rate


def check_updates(model, steps, first_step=None):
    """Raise if an optimizer that accumulates gradients would never use them.

    Args:
        model: Keras model, compiled.
        steps: Whole number, the batches of the run.
        first_step: The optimizer's step at which the run began, or None for now.
    """
    accumulated = getattr(
        innermost(model.optimizer), "gradient_accumulation_steps", None
    )
    first = steps_done(model.optimizer) if first_step is None else first_step
    if accumulated and (first + steps) // accumulated == first // accumulated:
        raise ValueError(
            f"`gradient_accumulation_steps` is {accumulated}, and all epochs together "
            f"have only {steps} batch{'es' * (steps != 1)}, too few for one step. Use "
            "fewer, more `epochs`, or a smaller `batch_size`."
        )


def check_one_schedule(model, optimizer, settings):
    """Raise if an optimizer's own schedule would give way to another without a word.

    Args:
        model: Keras model.
        optimizer: Name of an optimizer, a Keras optimizer, or None for the model's.
        settings: List of the `TrainingSettings` of each stage.
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        current = model.optimizer if model.compiled else None
        named = type(innermost(current)).__name__.lower()
        if current is None or optimizer not in (None, named):
            return
        optimizer = current
    own = rate_or_schedule(optimizer)
    if not callable(own) or isinstance(own, Schedule):
        return
    for stage in settings:
        if stage.learning_rate is not None or stage.schedule.gives_rates:
            return
        if not stage.schedule.changes_nothing:
            name, value = "schedule", stage.schedule.kind
        elif stage.warmup_epochs:
            name, value = "warmup_epochs", stage.warmup_epochs
        else:
            continue
        raise ValueError(
            f"`{name}` is {shown(value)}, but the optimizer follows a schedule of its "
            f"own, {type(own).__name__}. Give that as `schedule`, which can have a "
            "warm-up, or a `learning_rate` to take its place, or leave "
            f"`{name}` out."
        )


def _rate_now(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def build_optimizer(model):
    """Let the optimizer of a compiled model make its state, unless it has.

    Some of Keras's, and those of users, would make it a second time.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def forget_functions(model):
    """Let Keras compile the model's steps again, as they compute differently now."""
    for make in (
        model.make_train_function,
        model.make_test_function,
        model.make_predict_function,
    ):
        make(force=True)


def follow_trainable(model):
    """Give a compiled model a new optimizer if other weights are trainable by now.

    The old one, and the step that Keras compiled with it, refer to the weights that
    were trained before, and would silently go on training those; and in validation,
    the regularisation of those alone would count.
    """
    optimizer = model.optimizer
    known = {id(variable) for variable in trained_by(optimizer)}
    if optimizer.built and known == {id(v) for v in model.trainable_variables}:
        return
    forget_functions(model)
    if not optimizer.built:
        return
    fresh = new_like(optimizer)
    if compiled_here(model):
        _spare_biases(fresh, model)
    else:
        spared = [v for v in model.weights if spares_from_decay(optimizer, v)]
        spare_from_decay(fresh, spared)
    fresh.build(model.trainable_variables)
    set_optimizer(model, fresh)


def _check_keeps_its_own(model, settings):
    """Raise if a setting would change what the user compiled the model with."""
    for name in ("optimizer", "ema", "label_smoothing", "metrics", *OF_OPTIMIZER):
        value = getattr(settings, name)
        if value and value not in (model.optimizer, innermost(model.optimizer)):
            raise ValueError(
                f"`{name}` is {shown(value)}, but `model` is already compiled and "
                f"keeps its own. Leave `{name}` out, or compile the model accordingly."
            )
    if settings.mixes and model.output_shape[1] > 1 and not takes_one_hot(model):
        raise ValueError(
            "`mixup` and `cutmix` mix classes, but `model` is compiled with a loss for "
            "unmixed ones. Compile it with CategoricalCrossentropy, or leave "
            "compiling to `fit_classifier()`."
        )


def _next_optimizer(model, settings):
    """Return the optimizer of a model compiled here, or another if that is asked for.

    The same one goes on from its state, and with its learning rate, and so does one
    that differs in its averages alone. Averages that nobody asks for any more are not
    kept.
    """
    current = model.optimizer
    inner = innermost(current)
    if settings.optimizer is None:
        changes = {"use_ema": settings.ema is not None}
        if settings.ema is not None:
            changes["ema_momentum"] = settings.ema
        changes.update(_of_optimizer(settings))
        wanted = new_like(inner, **changes)
    else:
        wanted = _optimizer(settings)
        if wanted is settings.optimizer:
            return wanted
    if type(wanted) is not type(inner):
        return wanted
    if settings_of(wanted) == settings_of(inner):
        return current
    if _but_for_averages(wanted) == _but_for_averages(inner) and inner.built:
        _spare_biases(wanted, model)
        go_on_from(wanted, inner)
    return wanted


def _but_for_averages(optimizer):
    """Return the settings of an optimizer without those of its moving averages."""
    settings = settings_of(optimizer)
    return {name: settings[name] for name in settings if "ema" not in name.split("_")}


def _unused(optimizer):
    """Return an optimizer that has trained nothing yet, itself or one like it."""
    return new_like(optimizer) if optimizer.built else optimizer


def _differ(model, loss, metrics):
    """Return whether a compiled model has another loss or other metrics."""
    there = compiled_as_given(model)["metrics"]
    if there == metrics:  # Those of the user's own may be of a kind that is not saved.
        there = metrics = None
    serialised = keras.saving.serialize_keras_object
    try:
        return serialised([model.loss, there]) != serialised([loss, metrics])
    except Exception:
        return True


def _of_optimizer(settings):
    """Return the settings that Keras's optimizers take, as far as they were given."""
    given = {name: getattr(settings, name) for name in OF_OPTIMIZER}
    given = {name: value for name, value in given.items() if value is not None}
    if given.get("gradient_accumulation_steps") == 1:
        # So Keras has it.
        given["gradient_accumulation_steps"] = None
    return given


def _optimizer(settings):
    """Return a Keras optimizer for a name, for None, or for itself."""
    optimizer = settings.optimizer
    if isinstance(optimizer, keras.optimizers.Optimizer):
        for name in ("ema", *OF_OPTIMIZER):
            value = getattr(settings, name)
            if value is not None:
                raise ValueError(
                    f"`{name}` is {shown(value)}, but `optimizer` is an object with "
                    f"its own settings. Set it there, or give the optimizer by name."
                )
        return optimizer
    config = _of_optimizer(settings)
    if settings.ema is not None:
        config.update(use_ema=True, ema_momentum=settings.ema)
    return _by_name(optimizer, **config)


def _by_name(name, **config):
    """Return a new optimizer of Keras's or ours for a name, or for None."""
    wrappers = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    # Keras's own register of names leaves some out.
    kinds = {
        name.lower(): value
        for name, value in sorted(vars(keras.optimizers).items())
        if isinstance(value, type) and name not in wrappers
    }
    kinds["levenberg_marquardt"] = LevenbergMarquardt
    name = as_choice("adam" if name is None else name, "optimizer", [*kinds])
    return kinds[name](**config)


def _spare_biases(optimizer, model):
    """Keep weight decay from biases and from the scales of normalisations."""
    optimizer = innermost(optimizer)
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=scales_and_biases(model))
