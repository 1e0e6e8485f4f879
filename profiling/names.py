"""Chips, slices and meshes as users write them, this machine ('cpu') among them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ..tpu_configs.catalog import load_chip, load_rentable_tpus
from ..tpu_configs.chip import Chip
from ..tpu_configs.slice import Slice, parse_slice
from .errors import ProfileInputError

MACHINE = "cpu"
LONGEST_FOLDER_NAME = 80
_SIZE = re.compile(r"0*[1-9]\d{0,8}", re.ASCII)


def chip_named(name: str) -> Chip:
    """What `load_chip` takes, and 'cpu' for this machine, which is measured the first time."""
    return _machine() if name.strip().lower() == MACHINE else load_chip(name)


def slice_named(text: str) -> Slice:
    """What `parse_slice` takes, and 'cpu' for this machine."""
    return Slice(_machine(), (1,)) if text.strip().lower() == MACHINE else parse_slice(text)


def slices_named(texts: Sequence[str], changes: Sequence[str] = ()) -> list[Slice]:
    """Each slice once, in order, its chip with the figures that `changes` set."""
    slices = {one.name: one for one in map(slice_named, texts)}
    return (
        [_with_figures(one, changes) for one in slices.values()] if changes else [*slices.values()]
    )


def _with_figures(on_slice: Slice, changes: Sequence[str]) -> Slice:
    """The slice of a chip that is not there; its caution says so."""
    from ..tpu_configs.changed_chip import SOURCE, with_figures  # which few commands need

    said = f"{SOURCE[0].upper()}{SOURCE[1:]}, of {on_slice.chip.name}: {', '.join(changes)}."
    chip, caution = with_figures(on_slice.chip, changes), f"{on_slice.caution} {said}".strip()
    return replace(on_slice, chip=chip, caution=caution)


def chips_for(names: Sequence[str], slices: Sequence[Slice]) -> list[Chip]:
    """Chips to place a workload on: those named and those of slices, each once; of neither, the
    TPUs with a price on demand."""
    if not names and not slices:
        return load_rentable_tpus()
    chips = [*map(chip_named, names), *(one.chip for one in slices)]
    return list({chip.name: chip for chip in chips}.values())


def _machine() -> Chip:
    from .measured.machine import machine_chip  # JAX measures it

    return machine_chip()


def folder_name(text: str) -> str:
    """`text` as a folder's name: words, and nothing that leads elsewhere."""
    return re.sub(r"[^\w.=-]+", "-", text).strip(".-")[:LONGEST_FOLDER_NAME] or "run"


def mesh_axes(text: str, axes: Sequence[str]) -> dict[str, int]:
    """'data=2,tensor=8' as devices by axis; axes may be left out.

    Raises ProfileInputError for what is not a size of one of `axes`.
    """
    sizes: dict[str, int] = {}
    for part in text.replace(" ", "").lower().split(","):
        axis, _, size = part.partition("=")
        if axis == "model":
            raise ProfileInputError(f"the axis 'model' of --mesh is called 'tensor': tensor={size}")
        if axis not in axes or axis in sizes or not _SIZE.fullmatch(size):
            raise ProfileInputError(
                f"--mesh is {text!r}, expected sizes of its axes ({', '.join(axes)}), such as "
                "data=2,tensor=8"
            )
        sizes[axis] = int(size)
    return sizes
