"""Chips, slices, meshes and dtypes as users write them, this machine ('cpu') among them."""

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
    return re.sub(r"[^\w.-]+", "-", text).strip(".-")[:LONGEST_FOLDER_NAME] or "run"


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


_DTYPES = {
    "float32": ("fp32", "f32"),
    "bfloat16": ("bf16",),
    "float16": ("fp16", "f16"),
    "int8": ("q8_0",),
    "fp8": ("float8_e4m3fn", "fp8_e4m3", "float8", "mxfp8"),
    "int4": ("q4_0", "q4_k_m"),
    "fp4": ("float4_e2m1fn", "nvfp4", "mxfp4"),
}
"""A dtype's name here, and other spellings of it."""
_SPELLED = {each: name for name, others in _DTYPES.items() for each in (name, *others)}


def dtype_named(text: str) -> str:
    """The dtype of any spelling: 'BF16' is 'bfloat16', 'mxfp4' is 'fp4' (scales of its blocks are
    left out). Raises ProfileInputError for an unknown one."""
    if (name := _SPELLED.get(text.strip().lower())) is None:
        raise ProfileInputError(
            f"unknown dtype {text!r}: expected one of {', '.join(_DTYPES)}, or another spelling of "
            "these such as bf16 or mxfp4"
        )
    return name
