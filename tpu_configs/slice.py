"""Slice: chips joined by their own links, and the names of those that exist, such as 'v5e:2x4'.

A number after a dash means what it means to who sells the chip. Google's accelerator types count
TensorCores where a chip has two: 'v2-8', 'v3-8', 'v4-8', 'v5p-8' and 'tpu7x-8' are four chips, and
their `caution` says so. All others count chips ('v5litepod-8', 'v6e-8', 'h100-8'), as do a number
and sides after a colon: 'v5p:8' is 'v5p:2x2x2'.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .catalog import chip_stem, load_all, load_chip
from .chip import Chip
from .input_errors import ChipInputError

_SMALL_CUBES = ((1, 1, 1), (2, 2, 1), (2, 2, 2), (2, 2, 4), (2, 4, 4))
_CUBE = 4  # chips along a cube, the unit that optical switches join


def largest(chip: Chip) -> int:
    """Most chips that the chip's own links join: one where it has none."""
    links = chip.links
    return 1 if links is None or links.kind == "none" else int(links.largest_slice.value)


def wraps(chip: Chip, shape: tuple[int, ...]) -> tuple[bool, ...]:
    """Per axis of `shape`, whether it closes to a ring, by the chip's wrap rule."""
    links = chip.links
    if links is not None and links.kind == "ring":
        return (shape[0] > 2 and shape[0] == links.largest_slice.value,)
    side = links.topology.wrap_side if links else None
    if links is None or side is None:
        return tuple(False for _ in shape)
    if links.topology.wrap_rule == "each":
        return tuple(length == side for length in shape)
    closed = all(length % side == 0 for length in shape)
    return tuple(closed for _ in shape)


def shape_of_chips(chip: Chip, chips: int) -> tuple[int, ...] | None:
    """The shape that `chips` of them make, None where there is none.

    Of several grids it is the one with most axes closed, then the most compact one.
    """
    if (grids := _grids_of(chip)) is not None:
        fitting = [grid for grid in grids if math.prod(grid) == chips]
        return min(fitting, key=lambda g: (-sum(wraps(chip, g)), sum(g)), default=None)
    joined = largest(chip)
    if 1 <= chips <= joined:
        return (chips,)
    if chips < 1 or chips % joined or not _on_a_network(chip):
        return None
    return (chips,) if joined == 1 else (chips // joined, joined)


def shapes(chip: Chip) -> Iterator[tuple[int, ...]]:
    """The shape of every number of chips that the links join, the smallest first."""
    if (grids := _grids_of(chip)) is None:
        yield from filter(None, (shape_of_chips(chip, n) for n in range(1, largest(chip) + 1)))
        return
    best: dict[int, tuple[int, ...]] = {}
    for grid in sorted(grids, key=lambda g: (math.prod(g), -sum(wraps(chip, g)), sum(g))):
        best.setdefault(math.prod(grid), grid)
    yield from best.values()


def shape_of_sides(chip: Chip, sides: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape with these sides, in the order that its kind has them; None where there is none."""
    if (grids := _grids_of(chip)) is not None:
        wanted = sorted(sides)
        return next((grid for grid in grids if sorted(grid) == wanted), None)
    joined = largest(chip)
    shape = shape_of_chips(chip, math.prod(sides))
    return shape if shape and joined > 1 and sorted(shape) == sorted(sides) else None


def nearest(chip: Chip, chips: int) -> list[tuple[int, ...]]:
    """The four shapes nearest to `chips` in their number of chips, the nearest first."""
    grids = _grids_of(chip)
    if grids is None:
        joined = largest(chip)
        sets = range(max(chips // joined - 2, 1), chips // joined + 3)
        counts = [*range(1, joined + 1), *(joined * size for size in sets)]
        shapes = {shape_of_chips(chip, count) for count in counts}
        grids = tuple(sorted(shape for shape in shapes if shape))
    return sorted(grids, key=lambda g: abs(math.log(math.prod(g) / max(chips, 1))))[:4]


def describe_shapes(chip: Chip) -> str:
    """What slices of the chip there are, in a few words."""
    pod = chip.links.topology.pod if chip.links else None
    if pod is not None:
        return f"grids of up to {'x'.join(map(str, pod))} exist"
    joined, networked = largest(chip), _on_a_network(chip)
    if joined == 1:
        return "any number, over the network" if networked else "no links between them are known"
    beyond = f", then multiples of {joined} over the network" if networked else ""
    return f"up to {joined} exist{beyond}"


def _on_a_network(chip: Chip) -> bool:
    return chip.network is not None and chip.network.data_center_bandwidth is not None


def _grids_of(chip: Chip) -> tuple[tuple[int, ...], ...] | None:
    """Every grid of a chip whose links make a torus, None for the others."""
    pod = chip.links.topology.pod if chip.links else None
    if pod is None:
        return None
    return _grids(tuple(sorted(pod)), chip.kind == "tpu")


@lru_cache(maxsize=64)  # a user's chip has a pod of its own
def _grids(pod: tuple[int, ...], sold_as_tpu: bool) -> tuple[tuple[int, ...], ...]:
    """Grids in a pod with these sides (rising): those that are sold of a TPU, else all.

    In a plane Google sells squares of a power of two and doubled ones, but no 1x2; in three
    directions the small cubes, and from 64 chips on any whole cubes of 4x4x4, which optical
    switches join in any order (Google Cloud TPU docs; JAX scaling book, tpus.md).
    """
    most, longest = math.prod(pod), pod[-1]
    if sold_as_tpu and len(pod) == 2:
        squares = [2**power for power in range(longest.bit_length())]
        flat = [(side, side * more) for side in squares for more in (1, 2)]
        return tuple(g for g in flat if g != (1, 2) and g[1] <= longest and math.prod(g) <= most)
    if sold_as_tpu and len(pod) == 3:
        sides = range(_CUBE, longest + 1, _CUBE)
        small = [g for g in _SMALL_CUBES if max(g) <= longest and math.prod(g) <= most]
        return (*small, *_rising(sides, 3, most))
    grids = _rising(range(1, longest + 1), len(pod), most)
    return tuple(g for g in grids if all(side <= end for side, end in zip(g, pod, strict=True)))


def _rising(sides: range, axes: int, most: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """Every grid of so many axes with sides from `least` on, rising, and at most `most` chips."""
    if axes == 0:
        yield ()
        return
    for side in sides:
        if side**axes > most:
            return
        if side >= least:
            for rest in _rising(sides, axes - 1, most // side, side):
                yield (side, *rest)


MOST_CHIPS = 2**20
"""Of a slice over the data center network: several times the largest cluster announced."""
_SIDES = re.compile(r"\d{1,18}(x\d{1,18}){0,5}", re.ASCII)
_COUNT = re.compile(r"(.*[^-\s])-(\d+)", re.ASCII)


@dataclass(frozen=True)
class Slice:
    """`shape[0]` x `shape[1]` x ... chips of one kind.

    A TPU's shape is its grid, sides rising: (2, 4). Chips behind a switch are (8,); where there
    are more than one switch joins, (3, 8) is three domains of eight, the first axis over the data
    center network. Other chips are counted: (16,).
    """

    chip: Chip
    shape: tuple[int, ...]
    caution: str = field(default="", compare=False)  # a sentence, where a name counted TensorCores

    @property
    def chips(self) -> int:
        """Chips in the slice."""
        return math.prod(self.shape)

    @property
    def name(self) -> str:
        """What `parse_slice` takes for it, 'v5e:2x4'; a user's own chip goes by its name."""
        return f"{chip_stem(self.chip)}:{'x'.join(map(str, self.shape))}"

    @property
    def topology_name(self) -> str | None:
        """libtpu's name of it, 'tpu7x:2x2x1'; None where libtpu does not compile for the chip."""
        generation = self.chip.libtpu_name
        return generation and f"{generation}:{'x'.join(map(str, self.shape))}"

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
    """The slice called `text`, in any case. A chip is whatever `load_chip` takes.

    'a100' and 'mine.toml' are one chip, 'v5e-8' and 'mine.toml:8' that many in the most compact
    slice there is, 'v5p-8' the chips of that many TensorCores, 'v5e:2x4', 'v5p:4x4x8' and
    'h100:2x8' sides in any order. Raises ChipInputError for an unknown chip and a slice that is
    not sold or cannot be joined.
    """
    chip, sides_text, is_type = _chip_and_rest(text.strip())
    sides = tuple(map(int, sides_text.split("x"))) if _SIDES.fullmatch(sides_text) else (0,)
    if is_type:
        sides = (chips_of_type(chip, sides[0]),)
    if math.prod(sides) > MOST_CHIPS:
        raise ChipInputError(
            f"{text.strip()!r} is {math.prod(sides):,} chips, more than any cluster has: expected "
            f"{MOST_CHIPS:,} at most"
        )
    shape = shape_of_chips(chip, sides[0]) if len(sides) == 1 else shape_of_sides(chip, sides)
    if shape is None:
        stem = chip_stem(chip)
        near = [f"{stem}:{'x'.join(map(str, axes))}" for axes in nearest(chip, math.prod(sides))]
        counted = f", {_chips(sides[0])}," if is_type and str(sides[0]) != sides_text else ""
        raise ChipInputError(
            f"{chip.name} has no slice {sides_text!r}{counted} ({describe_shapes(chip)}): "
            f"try {', '.join(near)}"
        )
    made = Slice(chip, shape)
    if not is_type or made.chips == int(sides_text):
        return made
    said = (
        f"{chip_stem(chip)}-{sides_text} counts TensorCores, as Google Cloud's accelerator types do"
    )
    return replace(made, caution=f"{said}: it is {_chips(made.chips)}, {made.name}.")


def chips_of_type(chip: Chip, number: int) -> int:
    """Chips of Google's accelerator type '<chip>-<number>', whose number counts TensorCores (Google
    Cloud TPU docs); of other vendors' chips the number itself. Raises ChipInputError for half a
    chip."""
    cores = int(chip.cores.per_chip.value) if chip.libtpu_name and chip.cores else 1
    if number % cores:
        stem = chip_stem(chip)
        raise ChipInputError(
            f"{stem}-{number} would be {number} TensorCores, of which a {chip.name} has {cores}: "
            f"{stem}:{number} is {_chips(number)}"
        )
    return number // cores


def _chips(number: int) -> str:
    return f"{number} chip" if number == 1 else f"{number} chips"


def compared_slices() -> tuple[str, ...]:
    """A slice of each chip that others are compared with where none is named: 'v5e:4x4' ..."""
    chips = [(chip_stem(chip), chip.compared_chips) for chip in load_all() if chip.compared_chips]
    return tuple(parse_slice(f"{stem}:{count}").name for stem, count in chips)


def _chip_and_rest(text: str) -> tuple[Chip, str, bool]:
    """The chip that `text` starts with, after it the sides or number of chips, '1' for none, and
    whether that is the number of an accelerator type."""
    if ":" in text and not text.endswith(".toml"):
        name, _, sides_text = text.rpartition(":")
        return load_chip(name), sides_text.lower(), False
    try:
        return load_chip(text), "1", False
    except ChipInputError:
        match = _COUNT.fullmatch(text)
        if match is None:
            raise
    return load_chip(match[1]), match[2], True
