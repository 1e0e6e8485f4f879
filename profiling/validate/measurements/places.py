"""Where a row ran: its slice and how the model was spread over it, from free text."""

import math
import re

from ....tpu_configs.catalog import chip_stem, load_chip
from ....tpu_configs.chip import Chip
from ....tpu_configs.errors import ChipInputError
from ....tpu_configs.slice import Slice, parse_slice
from ...predict.parallel import Parallelism
from .table import LeftOutError

_GRID = re.compile(r"(?<![\w.])\d+(?:x\d+)+(?!\w)")
_AXES = {"tensor": "TP", "data": "DP", "expert": "EP", "pipeline": "PP"}
_COUNTS = (
    re.compile(r" x(\d+)\b"),  # 'A100 x4'
    re.compile(r"[-: ](\d+(?:x\d+)+)$"),  # 'TPU7x-2x2x1'
    re.compile(r"-(\d+)$"),  # 'TPU v6e-256'
)


def chip_of(hardware: str) -> tuple[Chip, int]:
    """The chip that text such as 'A100 x4 (TP4)' or 'TPU v6e-256' names, and how many there are.

    What is in brackets may be left out of the name, except a number of cores: 'M3 Max (30-core
    GPU)' is another chip than that with 40.

    Raises LeftOutError where no chip file has it.
    """
    bare = hardware if "-core" in hardware else re.sub(r"\(.*?\)", "", hardware).strip()
    found = _first_chip([hardware, bare])
    if found is not None:
        return found, 1
    for pattern in _COUNTS:
        counted = pattern.search(bare)
        found = _first_chip([pattern.sub("", bare)]) if counted else None
        if counted and found is not None:
            return found, math.prod(int(side) for side in counted[1].split("x"))
    raise LeftOutError(f"no chip file for {hardware!r}")


def _first_chip(names: list[str]) -> Chip | None:
    for name in names:
        try:
            return load_chip(name)
        except ChipInputError:
            continue
    return None


def slice_of(chip: Chip, chips: int, topology: str = "") -> Slice:
    """`chips` of a kind, in the grid that `topology` names if it is one of so many.

    Raises LeftOutError where there is no such slice.
    """
    stem = chip_stem(chip)
    if chips == 1:
        return parse_slice(stem)
    grids = [f"{stem}:{grid}" for grid in _GRID.findall(topology)]
    for name in (*grids, f"{stem}-{chips}"):
        try:
            found = parse_slice(name)
        except ChipInputError as error:
            reason = str(error)
            continue
        if found.chips == chips:
            return found
        reason = f"{name} has {found.chips} chips, not {chips}"
    raise LeftOutError(reason)


def named_axes(topology: str) -> dict[str, int]:
    """Sizes of the axes that text such as 'DP2 x TP8' or 'per node; EP144 decode' names.

    'TP/EP 64' splits everything over the same 64 chips: experts by their width, which moves and
    multiplies as much, on one chip, as whole experts dealt out.
    """
    joint = re.search(r"\bTP\s*/\s*EP\s*=?\s*(\d*)", topology)
    if joint:
        return {"tensor": int(joint[1])} if joint[1] else {}
    found = {
        axis: re.search(rf"(?<![A-Za-z]){short}\s*=?\s*(\d+)", topology)
        for axis, short in _AXES.items()
    }
    sizes = {axis: int(match[1]) for axis, match in found.items() if match}
    stages = re.search(r"pipeline over (\d+)", topology)
    return sizes | ({"pipeline": int(stages[1])} if stages else {})


def over_chips(axes: dict[str, int], chips: int, chip: Chip) -> dict[str, int]:
    """`axes` that count a chip's cores, as 'TP64' does on 16 chips, counted in chips instead."""
    devices = math.prod(axes.values())
    cores = chip.cores.per_chip.value if chip.cores else 1
    each, rest = divmod(devices, chips)
    tensor = axes.get("tensor", 1)
    if rest or not 1 < each <= cores or tensor % each:
        return axes
    return axes | {"tensor": tensor // each}


def split_of(axes: dict[str, int], chips: int, default: str = "tensor") -> Parallelism:
    """All `chips` by `axes`; those that they leave go to copies ('data'), all where none is named
    to `default`.

    Raises LeftOutError where the axes do not fill the chips.
    """
    split = Parallelism(**axes)
    if split.chips > chips or chips % split.chips:
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    left = chips // split.chips
    if left == 1:
        return split
    if not axes:
        return Parallelism(**{default: chips})
    if "data" in axes:
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    return Parallelism(**axes, data=left)
