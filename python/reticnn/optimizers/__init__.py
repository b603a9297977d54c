"""Optimizers and learning rate schedules that Keras does not have."""

from reticnn.runtime.backend import NeedingKeras

# For modules that may be imported without Keras.
Schedule = NeedingKeras("reticnn.optimizers.schedules", "Schedule")
