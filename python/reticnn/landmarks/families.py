"""The families of architectures; each import enters one into the register."""
