"""What the values are called that go into a graph and come out of it."""

IMAGES = "images"
PROBABILITIES, SCORES, DISTANCES = "probabilities", "scores", "distances"

# Under it, the metadata of a graph have what `save_classifier()` keeps.
KEY = "reticnn"
