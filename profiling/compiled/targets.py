"""Targets: what a program can be compiled for, by name: 'cpu', or a slice such as 'v5e:2x4'."""

import difflib
import importlib.util
import itertools
import math
from dataclasses import dataclass
from typing import Literal

from ...tpu_configs.slice import parse_slice
from ..errors import ProfileInputError

_FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_SMALL_CUBES = ((1, 1, 1), (2, 2, 1), (2, 2, 2), (2, 2, 4), (2, 4, 4))


@dataclass(frozen=True)
class _Family:
    """One generation as libtpu names it."""

    chip: str  # as tpu_configs.catalog.load_chip names it
    devices_per_chip: int
    slices: tuple[str, ...]


def _flat(chip: str, devices_per_chip: int, *more: str) -> _Family:
    """A generation whose chips are joined in a plane."""
    return _Family(chip, devices_per_chip, (*_FLAT, *more))


def _cubic(chip: str, devices_per_chip: int, longest: int, most_chips: int) -> _Family:
    """A generation whose chips are joined in three directions; sides of four from 64 chips on."""
    sides = range(4, longest + 1, 4)
    cubes = itertools.combinations_with_replacement(sides, 3)
    fitting = [cube for cube in cubes if math.prod(cube) <= most_chips]
    names = ["x".join(map(str, cube)) for cube in (*_SMALL_CUBES, *fitting)]
    return _Family(chip, devices_per_chip, tuple(names))


FAMILIES: dict[str, _Family] = {
    "v2": _flat("v2", 2),
    "v3": _flat("v3", 2, "16x32", "32x32"),
    "v4": _cubic("v4", 2, 16, 4096),
    "v5e": _flat("v5e", 1),
    "v5p": _cubic("v5p", 1, 28, 8960),
    "v6e": _flat("v6e", 1),
    "tpu7x": _cubic("v7x", 2, 24, 9216),
}
"""libtpu's name of a generation -> its slices, each with its sides in rising order."""

_ALIASES = {"v7x": "tpu7x", "v7": "tpu7x"}


@dataclass(frozen=True)
class Target:
    """Something that XLA compiles for. A device is what JAX calls one: a chip, or a core of it."""

    name: str  # in libtpu's own spelling, 'tpu7x:2x2x1'; 'cpu'
    platform: Literal["cpu", "tpu"]
    chip: str | None  # the name that `tpu_configs.catalog.load_chip` knows; None for 'cpu'
    dimensions: tuple[int, ...]
    devices_per_chip: int

    @property
    def chips(self) -> int:
        """Chips in the slice."""
        return math.prod(self.dimensions)

    @property
    def devices(self) -> int:
        """JAX devices in the slice."""
        return self.chips * self.devices_per_chip


CPU = Target("cpu", "cpu", None, (1,), 1)


def parse_target(text: str) -> Target:
    """The target called `text`, in any case: 'cpu', 'v5e:2x4', 'v5e-8', 'v7x:2x2x1'.

    Raises ProfileInputError for a generation or a slice that does not exist; near names are given.
    """
    plain = text.strip().lower()
    if plain == "cpu":
        return CPU
    generation, _, shape = plain.partition(":")
    if "-" in plain and _ALIASES.get(plain.partition("-")[0], plain.partition("-")[0]) in FAMILIES:
        generation, _, shape = parse_slice(plain).name.partition(":")
    generation = _ALIASES.get(generation, generation)
    family = FAMILIES.get(generation)
    if family is None:
        names = [*FAMILIES, *_ALIASES]
        near = difflib.get_close_matches(generation, names, n=3, cutoff=0.5) or list(FAMILIES)
        examples = dict.fromkeys(_example(name) for name in near)
        raise ProfileInputError(
            f"no target is called {text!r}: try cpu, {', '.join(examples)}, "
            "a generation with the sides of its slice in chips"
        )
    if shape not in family.slices:
        near = [f"{generation}:{name}" for name in _nearest(shape, family.slices)]
        raise ProfileInputError(f"{generation} has no slice {shape!r}: try {', '.join(near)}")
    dimensions = tuple(int(side) for side in shape.split("x"))
    return Target(f"{generation}:{shape}", "tpu", family.chip, dimensions, family.devices_per_chip)


def require_compiler(target: Target) -> None:
    """Raise ProfileInputError where the compiler for `target` is not installed."""
    if target.platform == "tpu" and importlib.util.find_spec("libtpu") is None:
        raise ProfileInputError(
            f"compiling for {target.name} needs the TPU compiler: pip install 'rooflink[tpu]'"
        )


def _example(generation: str) -> str:
    name = _ALIASES.get(generation, generation)
    return f"{name}:{FAMILIES[name].slices[1]}"


def _nearest(shape: str, slices: tuple[str, ...]) -> list[str]:
    """The four slices nearest in their number of chips; the smallest ones where it has none."""
    sides = [int(side) for side in shape.split("x") if side.isdecimal()]
    chips = max(math.prod(sides), 1)

    def distance(name: str) -> tuple[float, int]:
        own = [int(side) for side in name.split("x")]
        return abs(math.log(math.prod(own) / chips)), sum(a != b for a, b in zip(own, sides))  # noqa: B905

    return sorted(slices, key=distance)[:4]
