"""Slice: chips joined by their own links, and the names of those that exist, such as 'v5e:2x4'.

A number after a dash counts CHIPS, of every generation: 'v5p-8' is eight chips, v5p:2x2x2.
Google's accelerator types for v2, v3, v4 and v5p count cores, two a chip ('v4-8' there is four
chips); the form with sides, 'v5p:2x2x1', means the same to both.
"""

import math
import re
from dataclasses import dataclass

from .catalog import chip_stem, load_chip
from .chip import Chip
from .errors import ChipInputError
from .shapes import largest, nearest, shape_of_chips, shape_of_sides, shapes_said, wraps

_SIDES = re.compile(r"\d+(x\d+)*")
_COUNT = re.compile(r"(.+)-(\d+)")


@dataclass(frozen=True)
class Slice:
    """`shape[0]` x `shape[1]` x ... chips of one kind.

    A TPU's shape is its grid, sides rising: (2, 4). Chips behind a switch are (8,); where there
    are more than one switch joins, (3, 8) is three domains of eight, the first axis over the data
    center network. Other chips are counted: (16,).
    """

    chip: Chip
    shape: tuple[int, ...]

    @property
    def chips(self) -> int:
        """Chips in the slice."""
        return math.prod(self.shape)

    @property
    def name(self) -> str:
        """What `parse_slice` takes for it, 'v5e:2x4'; a user's own chip goes by its name."""
        return f"{chip_stem(self.chip)}:{'x'.join(map(str, self.shape))}"

    @property
    def wraps(self) -> tuple[bool, ...]:
        """Per axis, whether its ends are joined too, so that it is a ring."""
        return wraps(self.chip, self.shape)

    @property
    def over_network(self) -> tuple[bool, ...]:
        """Per axis, whether it crosses the data center network instead of the chips' links."""
        return (self.chips > largest(self.chip), *(False for _ in self.shape[1:]))

    @property
    def hosts(self) -> int | None:
        """Hosts that hold the chips; None where that is not published."""
        network = self.chip.network
        if network is None or network.chips_per_host is None:
            return None
        return math.ceil(self.chips / network.chips_per_host.value)


def parse_slice(text: str) -> Slice:
    """The slice called `text`, in any case.

    'a100' and 'mine.toml' are one chip, 'v5e-8' and 'mine.toml:8' that many CHIPS in the most
    compact slice there is, 'v5e:2x4', 'v5p:4x4x8' and 'h100:2x8' sides in any order. A chip is
    whatever `load_chip` takes.

    Raises ChipInputError for an unknown chip and for a slice that is not sold or cannot be
    joined; near ones are named.
    """
    chip, asked = _chip_and_rest(text.strip())
    sides = tuple(int(side) for side in asked.split("x")) if _SIDES.fullmatch(asked) else (0,)
    counted = len(sides) == 1
    shape = shape_of_chips(chip, sides[0]) if counted else shape_of_sides(chip, sides)
    if shape is None:
        stem = chip_stem(chip)
        near = [f"{stem}:{'x'.join(map(str, each))}" for each in nearest(chip, math.prod(sides))]
        raise ChipInputError(
            f"{chip.name} has no slice {asked!r} ({shapes_said(chip)}): try {', '.join(near)}"
        )
    return Slice(chip, shape)


def _chip_and_rest(text: str) -> tuple[Chip, str]:
    """The chip that `text` starts with, and after it the sides or number of chips, '1' for none."""
    if ":" in text and not text.endswith(".toml"):
        name, _, asked = text.rpartition(":")
        return load_chip(name), asked.lower()
    try:
        return load_chip(text), "1"
    except ChipInputError:
        found = _COUNT.fullmatch(text)
        if found is None:
            raise
    return load_chip(found[1]), found[2]
