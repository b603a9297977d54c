"""Policies applied in sequence."""

from collections.abc import Mapping

from reticnn.augmenting.policy import Policy
from reticnn.augmenting.random_numbers import seed_in_sequence
from reticnn.coercion import shown


class Sequence(Policy, kind="sequence"):
    """Policies, each of which changes the results of the one before.

    Each has its own random numbers, even if two are of the same kind; those of the
    first are the same as when it is used alone.
    """

    __module__ = "reticnn"

    def __init__(self, *, policies):
        """Take what `to_config()` of each policy gives."""
        if not isinstance(policies, (list, tuple)) or not policies:
            raise ValueError(
                "`policies` must be a list of what `to_config()` of each policy "
                f"returns, not {shown(policies)}."
            )
        made = tuple(map(Policy.from_config, policies))
        super().__init__(policies=[policy.to_config() for policy in made])
        self.__dict__["policies"] = made

    def check(self, image_shape):
        """Raise if a policy cannot be applied to what comes to it."""
        for policy, shape in self._with_shapes(image_shape):
            policy.check(shape)

    def at_size(self, size):
        """Return the policies with results of (height, width) where it is left open."""
        sized = [policy.at_size(size) for policy in self.policies]
        return Sequence(policies=[policy.to_config() for policy in sized])

    def remarks(self, size):
        """Return what to tell who uses them for (height, width), a list of texts."""
        return [remark for policy in self.policies for remark in policy.remarks(size)]

    @property
    def takes_any_size(self):
        """Whether the first begins with a crop of images of any size to one."""
        return self.policies[0].takes_any_size

    def parts(self, channels):
        """Return for each pass a dict of the parts that can do anything, in order."""
        return [parts for policy in self.policies for parts in policy.parts(channels)]

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each pass a dict of the parameters of its parts."""
        drawn = []
        for index, (policy, shape) in enumerate(self._with_shapes(image_shape)):
            own_seed = seed_in_sequence(xp, seed, index)
            drawn += policy.draw(xp, own_seed, epoch, indices, shape)
        return drawn

    def __repr__(self):
        """Describe each policy."""
        texts = [repr(policy).removeprefix("<Policy> ") for policy in self.policies]
        lines = [
            f"{number}. {text}".replace("\n", "\n   ")
            for number, text in enumerate(texts, start=1)
        ]
        title = f"<Policy> {len(texts)} policies, in sequence"
        return "\n".join([title, *lines])

    def _with_shapes(self, image_shape):
        """Yield each policy with the shape of the images that come to it."""
        for policy in self.policies:
            yield policy, image_shape
            image_shape = policy.output_shape(image_shape)


def as_policy(value, name="policy"):
    """Return a policy, made of its config if need be; of a list, them in sequence."""
    if isinstance(value, Policy):
        return value
    if _is_policy(value):
        return Policy.from_config(value)
    given = value if isinstance(value, (list, tuple)) else []
    wrong = next((one for one in given if not _is_policy(one)), value)
    if not given or wrong is not value:
        raise TypeError(
            f"`{name}` must be a policy or a list of policies, not {shown(wrong)}. "
            "Make one with `augmentation()`."
        )
    given = map(as_policy, given)
    policies = [policy for one in given for policy in getattr(one, "policies", [one])]
    if len(policies) == 1:
        return policies[0]
    return Sequence(policies=[policy.to_config() for policy in policies])


def _is_policy(value):
    """Return whether a value is a policy, or what `to_config()` of one gave."""
    of_config = isinstance(value, Mapping) and "policy" in value
    return of_config or isinstance(value, Policy)
