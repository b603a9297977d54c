"""The families of architectures; each import enters one into the register."""

import reticnn.landmarks.alexnet
import reticnn.landmarks.convnext
import reticnn.landmarks.densenet
import reticnn.landmarks.googlenet
import reticnn.landmarks.lenet
import reticnn.landmarks.mobilenet
import reticnn.landmarks.momentum
import reticnn.landmarks.resnet
import reticnn.landmarks.vgg  # noqa: F401
