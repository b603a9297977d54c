"""Recipes of our own, as plain data: for small photos, and for pretrained networks."""

from reticnn.landmarks.recipe import PaperRecipe

_ALL_LAYERS = "three stages, each at a tenth of the rate before"

SMALL = PaperRecipe(
    {
        "model": ("small_network", "whitens, and pools before it normalises"),
        "epochs": (45, "about ten minutes on two cores"),
        "batch_size": (64, "fewer steps, each with more to do"),
        "augmentation": (
            [
                (
                    "augmentation",
                    {"flip": "horizontal", "translation": 0.12, "erasing": 0.25},
                )
            ],
            "flips, moves and holes",
        ),
        "optimizer": (("adamw", {}), "adaptive, as it comes"),
        "learning_rate": (0.004, "the highest, at 30 % of the steps"),
        "schedule": ("one_cycle", "ends near 0"),
        "weight_decay": (0.05, "with that rate"),
        "label_smoothing": (0.1, "as for Inception-v3"),
        "mixed_precision": (True, "faster where the processor has bfloat16"),
    },
    {"tta": (8, "changed as in training")},
    (
        "Made for 10,000 photos of 32 x 32 pixels and two cores with bfloat16. Without "
        "that, train for fewer epochs. `model` builds the network for other images and "
        "classes: `model(input_shape, num_classes)`.",
    ),
)

TRANSFER = PaperRecipe(
    {
        "validation": (0.2, "chooses the epoch"),
        "epochs": (10, "of each stage at most"),
        "learning_rate": (0.003, _ALL_LAYERS),
        "early_stopping": (3, "in each stage"),
        "batch_size": (32, "as in fit_classifier()"),
    },
    notes=(
        "These are the defaults of `fine_tune()`: the head, then the last block too, "
        "then all layers, from the best weights so far.",
    ),
    function="fine_tune",
)

REFERENCES = {
    "small": "Our own recipe; benchmarks/accuracy.py measures it.",
    "transfer": "Our own recipe; benchmarks/transfer.py measures it.",
}

OWN = {"small": SMALL, "transfer": TRANSFER}
