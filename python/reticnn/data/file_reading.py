"""How files become images, whatever their size."""

from dataclasses import asdict, dataclass, field, replace

from reticnn.coercion import as_bool, as_int, as_ints, nearest, shown
from reticnn.data.value_range import ValueRange
from reticnn.notation import first_position

# What can be done with the pages of a file that has several, but for a number.
_PAGES = ("first", "bands")


@dataclass(frozen=True)
class Reading:
    """How files become images, whatever their size.

    Attributes:
        channels: Number of the images' channels.
        bands: The bands that the channels are, counted from 0, or None for all of them:
            a file's colours become grey, and its greys coloured, as `channels` says.
        page: `"first"`, `"bands"` for the bands of all pages, or a page's number,
            counted from 0.
        value_range: `ValueRange`.
        has_reader: Whether a function of the user's reads the files.
    """

    channels: int = 3
    bands: tuple | None = None
    page: str | int = "first"
    value_range: ValueRange = field(default_factory=ValueRange)
    has_reader: bool = False

    @property
    def is_of_photos(self):
        """Whether files of 8 bits are read as photos, in grey or in colour."""
        return self.bands is None and self.channels in (1, 3)

    def with_channels(self, channels, name="data"):
        """Return the same way of reading for another number of channels.

        Raises:
            ValueError: If the bands are chosen, and are not as many.
        """
        if self.bands is not None and channels != len(self.bands):
            raise ValueError(
                f"`{name}` are files read with {len(self.bands)} chosen bands, but the "
                f"model takes {channels} channels. Read them with other `bands`, or "
                f"build the model for {len(self.bands)} channels."
            )
        return replace(self, channels=channels)

    def differences(self, trained):
        """Return how this differs from the way in which training images were read.

        Args:
            trained: `Reading` of these.

        Returns:
            List of pairs of (option, value), of this and of the other; a range of
            values that the user has not chosen counts as theirs.
        """
        options = [
            (option, _code(getattr(self, option)), _code(getattr(trained, option)))
            for option in ("bands", "page")
        ]
        if self.has_reader != trained.has_reader:
            texts = {True: "read", False: "None"}
            options.append(
                ("reader", texts[self.has_reader], texts[trained.has_reader])
            )
        own, other = self.value_range, trained.value_range
        if own.is_chosen and (own.asked, other.asked) != ("type", None):
            options.append(("value_range", own.code, other.code))
        return [
            ((option, mine), (option, theirs))
            for option, mine, theirs in options
            if mine != theirs
        ]

    def with_range(self, value_range):
        """Return the same way of reading with another range of values."""
        return replace(self, value_range=value_range)

    def described(self):
        """Return what is not as for photos, in words."""
        parts = []
        if self.bands is not None:
            parts.append(f"bands {shown(counted(self.bands))}")
        if self.page != "first":
            parts.append(
                "all pages"
                if self.page == "bands"
                else f"page {shown(counted(self.page))}"
            )
        if self.value_range.pairs:
            parts.append(f"values {self.value_range}")
        if self.has_reader:
            parts.append("a function of the user's")
        return ", ".join(parts)

    def agrees_with(self, other):
        """Return whether images read so can be images of one data set with others."""
        if (self.bands, self.page) != (other.bands, other.page):
            return False
        own, theirs = self.value_range, other.value_range
        if own.pairs and theirs.pairs:
            return own.pairs == theirs.pairs
        return own == theirs or {own.asked, theirs.asked} <= {None, "type"}

    def to_config(self):
        """Return what there is to know, as JSON has it."""
        return {**asdict(self), "value_range": self.value_range.to_config()}

    @classmethod
    def from_config(cls, config):
        """Return what `to_config` tells of.

        Raises:
            ValueError: If it is nothing of that kind.
        """
        bands, page = config["bands"], config["page"]
        known = set(cls.__dataclass_fields__)
        if set(config) - known:
            raise ValueError(f"it has {shown(sorted(set(config) - known))}")
        return cls(
            channels=as_int(config["channels"], "channels"),
            bands=None if bands is None else as_ints(bands, "bands", minimum=0),
            page=page if page in _PAGES else as_int(page, "page", minimum=0),
            value_range=ValueRange.from_config(config["value_range"]),
            has_reader=as_bool(config.get("has_reader", False), "has_reader"),
        )


def as_reading(channels, bands, page, value_range, has_reader=False):
    """Return a `Reading` of arguments as users give them.

    In place of the range of values, it can be a `Reading` whose bands, page and range
    are taken.
    """
    if isinstance(value_range, Reading):
        return value_range.with_channels(as_int(channels, "channels"))
    bands = None if bands is None else as_bands(bands)
    if channels is None:
        channels = 3 if bands is None else len(bands)
    channels = as_int(channels, "channels")
    if bands is not None and channels != len(bands):
        raise ValueError(
            f"`channels` must be the number of the `bands`, {len(bands)}, not "
            f"{channels}. Leave it out."
        )
    value_range = ValueRange.of(value_range, channels)
    return Reading(channels, bands, as_page(page), value_range, has_reader)


def as_bands(bands):
    """Return the numbers of bands, which a user counts, as they are from 0."""
    first = first_position()
    return tuple(band - first for band in as_ints(bands, "bands", minimum=first))


def counted(value):
    """Return bands, or a page, as their user counts them."""
    first = first_position()
    if isinstance(value, tuple):
        return tuple(number + first for number in value)
    return value + first if isinstance(value, int) else value


def _code(value):
    """Return bands, or a page, as code in a message, in Python's notation."""
    return repr(counted(value))


def as_page(page):
    """Return which page of a file is read, or how its pages are."""
    if not isinstance(page, str):
        first = first_position()
        return as_int(page, "page", minimum=first) - first
    if page not in _PAGES:
        raise ValueError(
            f"`page` must be 'first', 'bands' or the number of a page, not "
            f"{shown(page)}.{nearest(page, _PAGES)}"
        )
    return page
