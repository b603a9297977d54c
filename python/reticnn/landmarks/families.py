"""The families of architectures; each import enters one into the register."""

import reticnn.landmarks.lenet  # noqa: F401
