"""What a policy is: a plan for what is done to images at random.

An engine asks a policy for

- `policy.check(image_shape)`: raises if it cannot be applied to such images;
- `policy.output_shape(image_shape)`: (height, width, channels) of the results;
- `policy.parts(channels)`: the constants of each part of each pass, known without
  drawing, and so constant in a compiled function;
- `policy.draw(xp, seed, epoch, indices, image_shape)`: the parameters of these parts,
  arrays with one row per image. It is written once for both engines: `xp` is `numpy` on
  the host and `keras.ops` on a device.

`reticnn.augmenting.parts` says what a pass is and what each of its parts does.
"""

import copy
import inspect
from collections.abc import Mapping

from reticnn.augmenting.parts.part import output_shape
from reticnn.coercion import as_choice, shown
from reticnn.notation import in_words


class Policy:
    """What is done to images at random; immutable.

    A kind of policy is a subclass with a name, `class Mine(Policy, kind="mine")`, whose
    `__init__` takes what `to_config()` gives, unless it has another `maker`, and which
    says what it does in `parts` and `draw`.
    """

    __module__ = "reticnn"

    _kinds: dict = {}  # noqa: RUF012

    def __init_subclass__(cls, kind):
        """Make a kind of policy known by its name."""
        cls.kind = kind
        Policy._kinds[kind] = cls

    def __init__(self, **config):
        """Keep settings, plain values only, that `to_config()` gives."""
        self.__dict__["_config"] = config

    def __setattr__(self, name, value):
        """Refuse: policies are shared between threads and saved with classifiers."""
        raise AttributeError("A policy cannot be changed. Make a new one.")

    def __eq__(self, other):
        """Return whether the other does the same."""
        return isinstance(other, Policy) and self.to_config() == other.to_config()

    def __hash__(self):
        """Return a hash of the settings."""
        return hash(repr(self.to_config()))

    def __reduce__(self):
        """Pickle the settings."""
        return Policy.from_config, (self.to_config(),)

    def __bool__(self):
        """Return whether the policy does anything."""
        return any(self.parts(3))

    def to_config(self):
        """Return the policy as a dict that JSON can hold."""
        return {"policy": self.kind, **copy.deepcopy(self._config)}

    @staticmethod
    def from_config(config):
        """Return the policy that gave `config` by `to_config()`.

        A config may also be written by hand: `"policy"` is the name of a function that
        makes policies, such as `"augmentation"`, and the rest are its arguments.
        """
        if not isinstance(config, Mapping):
            raise TypeError(
                f"`config` must be {in_words('a dict', 'a named list')}, as "
                f"`to_config()` returns it, not {shown(config)}."
            )
        settings = dict(config)
        kind = as_choice(settings.pop("policy", None), "policy", tuple(Policy._kinds))
        policy = Policy._kinds[kind]
        try:
            policy.signature().bind(**settings)
        except TypeError as error:
            raise ValueError(
                f"`config` must have the settings of {kind!r} that `to_config()` "
                f"returns, not {shown(list(settings))}: {error}."
            ) from None
        return policy.maker()(**settings)

    @classmethod
    def maker(cls):
        """Return what makes a policy of what `to_config()` gives, and checks it."""
        return cls

    @classmethod
    def signature(cls):
        """Return the signature of `maker()`."""
        return inspect.signature(cls.maker())

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""

    def output_shape(self, image_shape):
        """Return the (height, width, channels) of the results."""
        for parts in self.parts(image_shape[2]):
            for constants in parts.values():
                image_shape = output_shape(image_shape, constants)
        return tuple(image_shape)

    def at_size(self, size):
        """Return the policy with results of (height, width), if it leaves that open."""
        return self

    def remarks(self, size):
        """Return what to tell who uses it for (height, width): a list of sentences."""
        return []

    @property
    def takes_any_size(self):
        """Whether it begins with a crop of images of any size to one."""
        return False

    def parts(self, channels):
        """Return for each pass a dict of the parts that can do anything, in order.

        Their values are dicts of the parts' constants.
        """
        raise NotImplementedError

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each pass a dict of the parameters of its parts."""
        raise NotImplementedError


def in_lines(title, lines):
    """Return a policy's text: a title, and lines by their names."""
    width = max(map(len, lines), default=0)
    return "\n".join(
        [
            f"<Policy> {title}",
            *(f"{name:<{width}}  {text}" for name, text in lines.items()),
        ]
    )
