"""The policy of AugMix: images averaged with changed versions of themselves."""

import numpy as np

from reticnn.augmenting.autoaugment import Choice, Choosing
from reticnn.augmenting.autoaugment_operations import AUG_MIX
from reticnn.augmenting.parts.mixture import MIXTURE, own_name
from reticnn.augmenting.policy import Policy, in_lines
from reticnn.augmenting.random_numbers import constant, to_float32, to_int32
from reticnn.coercion import as_bool, as_float, as_int

# The paper leaves out what is among the corruptions with which it tests classifiers.
_OF_THE_PAPER = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
_CORRUPTIONS = ("color", "contrast", "brightness", "sharpness")

# Levels go from 0.1 of 10 on, in the authors' code.
_LEAST = 0.01

# Between these numbers, quantiles of a gamma distribution lie on lines.
_KNOTS = 1024


class AugMix(Choosing, Policy, kind="aug_mix"):
    """The policy of `aug_mix()`."""

    __module__ = "reticnn"

    space = AUG_MIX
    fill_value = 0.0

    def __init__(self, *, num_chains, chain_depth, factor, alpha, all_ops):
        """Take checked settings."""
        super().__init__(
            num_chains=num_chains,
            chain_depth=chain_depth,
            factor=factor,
            alpha=alpha,
            all_ops=all_ops,
        )
        names = _OF_THE_PAPER + (_CORRUPTIONS if all_ops else ())
        choices = [Choice(name, 1.0, factor) for name in names]
        self._plan(*[choices] * (num_chains * chain_depth))
        self.__dict__.update(_names=names, _quantiles=_gamma_quantiles(alpha))

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return aug_mix

    def parts(self, channels):
        """Return for the one pass the part that mixes, with those of the chains."""
        passes, depth = super().parts(channels), self._config["chain_depth"]
        chains = [passes[i : i + depth] for i in range(0, len(passes), depth)]
        return [{MIXTURE: {"chains": chains}}]

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for the pass a dict of the parameters of all chains."""
        chains, depth = self._config["num_chains"], self._config["chain_depth"]
        numbers = self._numbers(xp, seed, epoch, indices, more=chains + 2)
        passes = self._draw_passes(xp, numbers, image_shape)
        parameters = {
            own_name(index // depth, index % depth, name): values
            for index, own in enumerate(passes)
            for name, values in own.items()
        }
        first = numbers.shape[1] - chains - 2
        logs = self._log_gammas(xp, numbers[:, first:])
        # Of two gamma numbers a beta one, of several one from Dirichlet's distribution.
        share = _shares(xp, logs[:, :2])
        of_chains = share[:, 1:] * _shares(xp, logs[:, 2:])
        parameters["mixture"] = xp.concatenate([share[:, :1], of_chains], axis=1)
        return [parameters]

    def _drawn(self, xp, numbers, index):
        """Return the numbers for a pass, which is only done if its chain is so long."""
        drawn = super()._drawn(xp, numbers, index)
        depth = self._config["chain_depth"]
        first = super()._drawn(xp, numbers, index - index % depth)
        length = 1 + xp.floor(first["chance"] * depth)
        # As the probability is 1, what is drawn against it is 0 or 1.
        drawn["chance"] = to_float32(xp, length <= index % depth)
        return drawn

    def _severity(self, xp, planned, drawn):
        return _LEAST + (planned - _LEAST) * drawn["severity_1"]

    def _log_gammas(self, xp, unit):
        """Return logarithms of numbers of a gamma distribution from uniform ones."""
        place = xp.clip(unit * _KNOTS - 0.5, 0, _KNOTS - 1.001)
        below = xp.floor(place)
        table, at = constant(xp, self._quantiles), to_int32(xp, below)
        lower, upper = xp.take(table, at, axis=0), xp.take(table, at + 1, axis=0)
        return lower + (upper - lower) * (place - below)

    def __repr__(self):
        """Return what is done to an image."""
        config = self._config
        depth = config["chain_depth"]
        lines = {
            "mixed": f"{config['num_chains']} versions, with weights of alpha "
            f"{config['alpha']:g}",
            "magnitude": f"0.1 to {10 * config['factor']:g} of 10",
            "operations": ", ".join(self._names),
            "outside": f"constant {self.fill_value:g}",
        }
        each = "1 operation" if depth == 1 else f"1 to {depth} operations"
        return in_lines(f"{self.kind}, each image mixed with versions of {each}", lines)


def _shares(xp, logs):
    """Return numbers by their logarithms, divided by their sum, (n, ...)."""
    numbers = xp.exp(logs - xp.max(logs, axis=1, keepdims=True))
    return numbers / xp.sum(numbers, axis=1, keepdims=True)


def _gamma_quantiles(alpha):
    """Return logarithms of evenly spaced quantiles of a gamma distribution."""
    # By the logarithm t, its density is proportional to exp(alpha t - exp(t)).
    top = np.log(alpha + 12 * np.sqrt(alpha) + 40)
    points = np.linspace(min(-25 / alpha, top - 1), top, 200_001)
    density = alpha * points - np.exp(points)
    up_to = np.cumsum(np.exp(density - density.max()))
    unit = (np.arange(_KNOTS) + 0.5) / _KNOTS
    return np.interp(unit, up_to / up_to[-1], points).tolist()


def aug_mix(num_chains=3, chain_depth=3, factor=0.3, *, alpha=1.0, all_ops=False):
    """Mix each image with altered versions of itself, as AugMix does.

    Each of several chains applies 1 to `chain_depth` operations drawn at random to the
    image. The results are averaged with random weights, and the average is mixed with
    the image itself. Classifiers trained in this way are more robust to photos of poor
    quality. Pixels from outside the image are black.

    Args:
        num_chains: Whole number of chains, 1 to 10. Default 3.
        chain_depth: Whole number, the greatest number of operations in a chain, 1 to
            10; the actual number is drawn per image and chain. Default 3.
        factor: Float in [0.01, 1], the greatest strength of an operation, as a fraction
            of the most: rotation by 30 degrees, shear by 0.3, translation by a third of
            the side, all values solarized; 4 to 8 bits removed by posterizing. Default
            0.3, the paper's severity 3.
        alpha: Float, 0.1 to 100, parameter of the distributions that the weights are
            drawn from: a Dirichlet distribution for the chains, and a beta distribution
            for the image itself. Small values favour one of them, large ones equal
            weights. Default 1.
        all_ops: Whether colour, contrast, brightness and sharpness are drawn too; the
            paper leaves these out because it tests classifiers on such images. Default
            False.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Raises:
        TypeError: If `all_ops` is not true or false.
        ValueError: If an argument is outside its range.

    Example:
        >>> images = augment(images, aug_mix(), seed=1)

    Source:
        Hendrycks et al. (2020), arXiv:1912.02781. The arguments have the names of
        Keras's AugMix, which draws one number of chains' operations for a whole batch;
        here each image has its own, as in the paper. In the authors' code, angles and
        shifts are rounded down to whole degrees and pixels, and the four further
        operations only weaken. The paper's loss, which compares predictions for several
        mixtures of an image, is not part of the policy.
    """
    return AugMix(
        num_chains=_up_to_ten(num_chains, "num_chains"),
        chain_depth=_up_to_ten(chain_depth, "chain_depth"),
        factor=as_float(factor, "factor", minimum=_LEAST, maximum=1),
        alpha=as_float(alpha, "alpha", minimum=0.1, maximum=100),
        all_ops=as_bool(all_ops, "all_ops"),
    )


def _up_to_ten(value, name):
    return as_int(as_float(value, name, minimum=1, maximum=10), name)
