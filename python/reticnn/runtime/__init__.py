"""What the core stands on: Keras, random numbers, progress, files, downloads."""
