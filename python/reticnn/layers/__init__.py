"""Keras layers that the papers need and Keras does not have."""

from reticnn.runtime.backend import NeedingKeras

# For modules that may be imported without Keras; others take them from their files.
AuxiliaryModel = NeedingKeras("reticnn.layers.auxiliary", "AuxiliaryModel")
InferenceModel = NeedingKeras("reticnn.layers.inference", "InferenceModel")
mean_in = NeedingKeras("reticnn.layers.mean_probabilities", "mean_in")
Calibration = NeedingKeras("reticnn.layers.scaling", "Calibration")
IsotonicScaling = NeedingKeras("reticnn.layers.scaling", "IsotonicScaling")
TemperatureScaling = NeedingKeras("reticnn.layers.scaling", "TemperatureScaling")
VectorScaling = NeedingKeras("reticnn.layers.scaling", "VectorScaling")
has_calibration = NeedingKeras("reticnn.layers.scaling", "has_calibration")
Standardization = NeedingKeras("reticnn.layers.standardization", "Standardization")
