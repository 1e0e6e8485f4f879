"""Where a row ran, from its columns and free text: its slice, and how the model was spread over it;
and the work of the steps that it timed there.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ....model.architecture import ModelShape, shape_of
from ....tpu_configs.catalog import chip_stem, load_chip
from ....tpu_configs.chip import Chip
from ....tpu_configs.input_errors import ChipInputError
from ....tpu_configs.slice import Slice, chips_of_type, parse_slice
from ...predicted.cases import Case, Group, Piece
from ...predicted.step.attention_work import capacity
from ...predicted.step.collectives import Parallelism, over_chips
from ...predicted.step.hardware import IDEAL, Hardware, hardware_of
from ...predicted.step.step_work import spread_over, step_work
from ...predicted.step.time_model import step_terms
from ...predicted.step.work import NOTHING, Load, Work, decode_load, prefill_load
from .csv_rows import KEPT, LeftOutError, Row, positive_count
from .models import Formats, PartFormat, formats_of, sizes_of, stack_of

_GRID = re.compile(r"(?<![\w.])\d+(?:x\d+)+(?!\w)")
_AXES = {"tensor": "TP", "data": "DP", "expert": "EP", "pipeline": "PP"}
_ASIDE = re.compile(r"\((?![^)]*(?:-core|pcie|nvl|mig|\d ?gi?b?\b))[^)]*\)", re.IGNORECASE)
_COUNTS = (
    re.compile(r" x(\d+)\b"),  # 'A100 x4'
    re.compile(r"[-: ](\d+(?:x\d+)+)$"),  # 'TPU7x-2x2x1'
    re.compile(r"-(\d+)$"),  # 'TPU v6e-256'
)


@lru_cache(maxsize=KEPT)
def chip_of(hardware: str) -> tuple[Chip, int]:
    """The chip that text such as 'A100 x4 (TP4)' or 'TPU v6e-256' names, and how many there are.
    Brackets may be left out of a name, except those of another chip: 'M3 Max (30-core GPU)' is not
    that with 40, nor 'A100 (40GB)' that with 80. Raises LeftOutError where no file has it."""
    bare = _ASIDE.sub("", hardware).strip()
    names = {hardware: 1, bare: 1}
    for pattern in _COUNTS:
        if counted := pattern.search(bare):
            chips = math.prod(map(positive_count, counted[1].split("x")))
            names.setdefault(pattern.sub("", bare), chips)
    for name, chips in names.items():
        try:
            chip = load_chip(name)
        except ChipInputError:
            continue
        sold = name != hardware and bare == f"{name}-{chips}"  # Google's types count cores
        try:
            return chip, chips_of_type(chip, chips) if sold else chips
        except ChipInputError as error:
            raise LeftOutError(str(error)) from error
    raise LeftOutError(f"no chip file for {hardware!r}")


def slice_of(chip: Chip, chips: int, topology: str = "") -> Slice:
    """`chips` of a kind, in the grid that `topology` names if it is one of so many. Raises
    LeftOutError where there is no such slice."""
    stem = chip_stem(chip)
    if chips == 1:
        return parse_slice(stem)
    grids = [f"{stem}:{grid}" for grid in _GRID.findall(topology)]
    for name in (*grids, f"{stem}:{chips}"):
        try:
            result = parse_slice(name)
        except ChipInputError as error:
            reason = str(error)
            continue
        if result.chips == chips:
            return result
        reason = f"{name} has {result.chips} chips, not {chips}"
    raise LeftOutError(reason)


def named_axes(topology: str) -> dict[str, int]:
    """Sizes of the axes that text such as 'DP2 x TP8' or 'per node; EP144 decode' names.

    'TP/EP 64' splits everything over the same 64 chips: experts by their width, which moves and
    multiplies as much, on one chip, as whole experts dealt out.
    """
    if joint := re.search(r"\bTP\s*/\s*EP\s*=?\s*(\d*)", topology):
        return {"tensor": positive_count(joint[1])} if joint[1] else {}
    patterns = [(axis, rf"(?<![A-Za-z]){short}\s*=?\s*(\d+)") for axis, short in _AXES.items()]
    patterns.append(("pipeline", r"pipeline over (\d+)"))
    matches = [(axis, re.search(pattern, topology)) for axis, pattern in patterns]
    return {axis: positive_count(match[1]) for axis, match in matches if match}


def counted_in_chips(axes: dict[str, int], chips: int, chip: Chip) -> dict[str, int]:
    """`axes` that count a chip's cores, as 'TP64' does on 16 chips, counted in chips instead."""
    devices = math.prod(axes.values())
    cores = chip.cores.per_chip.value if chip.cores else 1
    per_chip, rest = divmod(devices, chips)
    tensor = axes.get("tensor", 1)
    if rest or not 1 < per_chip <= cores or tensor % per_chip:
        return axes
    return axes | {"tensor": tensor // per_chip}


def split_of(axes: dict[str, int], chips: int) -> Parallelism:
    """All `chips` by `axes`; those that they leave go to copies ('data'), all where none is named
    to 'tensor'. Raises LeftOutError where the axes do not fill the chips."""
    split = over_chips(Parallelism(**axes), chips)
    together = split.tensor * split.data
    if split.chips > chips or chips % split.chips or together % split.expert:
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    left = chips // split.chips
    if left == 1:
        return split
    if not axes:
        return Parallelism(tensor=chips)
    if "data" in axes:
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    return replace(split, data=left)


ENGINE_SEQUENCES = 1024.0
"""Most sequences that a copy of the model runs at a time where memory would allow more: engines
cap it (vLLM's max_num_seqs is 1,024 by default on large GPUs)."""
MOST_OVERFULL = 1.1
"""Weights over the memory's size that are taken to fit all the same: both figures are rounded."""
WEIGHT_SHARE = 0.5
"""Of the memory, what weights may fill where nothing says how a serving model was split."""


@dataclass(frozen=True)
class Deployment:
    """A model in its formats, spread over a slice."""

    shape: ModelShape
    formats: Formats
    slice: Slice
    split: Parallelism
    hardware: Hardware

    def __post_init__(self) -> None:
        """Raises LeftOutError where the weights do not fit: it ran on more chips, in a narrower
        format, or it is another model."""
        held = capacity(self.shape, self.formats.widths, self.split, 0.0, 1.0, 1.0)
        weight_bytes = float(held.weight_bytes) + self._resident_wider_bytes
        if weight_bytes > MOST_OVERFULL * self.hardware.memory_bytes:
            raise LeftOutError(
                f"{weight_bytes / 1e9:.3g} GB of weights do not fit a chip of "
                f"{self.slice.name}, which has {self.hardware.memory_bytes / 1e9:.3g} GB"
            )

    def decode(self, sequences: float, context: float) -> Work:
        """One token of each sequence."""
        return self.step(decode_load(sequences, context))

    def decode_shared(self, prompts: float, beams: float, prompt: float, context: float) -> Work:
        """One token of each beam of each prompt; beams share their prompt's cache."""
        return self.step(decode_load(prompts * beams, context, prompt, beams))

    def prefill(self, sequences: float, tokens: float, history: float = 0.0) -> Work:
        """The prompts of `sequences`, after `history` cached positions each."""
        return self.step(prefill_load(sequences, tokens, history))

    def step(self, load: Load) -> Work:
        """A step of any load."""
        spread = spread_over(self.slice, self.split)
        work = step_work(self.shape, load, self.formats.widths, spread, self.hardware.tile)
        return work + self._of_wider_parts(load)

    def _of_wider_parts(self, load: Load) -> Work:
        """What a step adds where attention or the head are held or multiplied wider than experts:
        bytes, and FLOPs of a slower unit as more of the faster one's."""
        rows = load.tokens / self.split.copies
        added = NOTHING
        for part, parameters, wider_bytes in self._wider_parts():
            ratio = self.hardware.matmul_flops / self._peak_flops(part.matmul_dtype)
            slower_flops = 2 * rows * parameters * (ratio - 1) * (part is self.formats.attention)
            read_bytes = parameters * wider_bytes
            added += Work(
                padded_flops=slower_flops, weight_bytes=read_bytes, on_chip_bytes=read_bytes
            )
        return added

    def _wider_parts(self) -> Iterator[tuple[PartFormat, float, float]]:
        """A format, parameters of one chip, and bytes of each beyond those of the experts'."""
        shape = self.shape
        attention = float(shape.layers * shape.attention_parameters / self.split.tensor)
        head = float(shape.head_parameters / self.split.tensor)
        for part, parameters in ((self.formats.attention, attention), (self.formats.head, head)):
            if part is not None:
                wider_bytes = part.weight_bytes - float(self.formats.widths.weight_bytes)
                yield part, part.share * parameters, wider_bytes

    @property
    def _resident_wider_bytes(self) -> float:
        """Of one chip's memory; the embedding is held as the head is."""
        wider_bytes = sum(count * wider for _, count, wider in self._wider_parts())
        head = self.formats.head
        if head is None:
            return wider_bytes
        embedding = float(self.shape.embedding_parameters / self.split.tensor)
        return wider_bytes + embedding * (head.weight_bytes - self.formats.widths.weight_bytes)

    def _peak_flops(self, dtype: str) -> float:
        return float(hardware_of(self.slice.chip, dtype).matmul_flops)

    def ideal_s(self, work: Work) -> float:
        """Seconds of a step at the datasheet's figures."""
        return float(step_terms(work, self.hardware, IDEAL).time_s)

    def largest_batch(self, context: float) -> float:
        """Sequences of that mean length that fit, at most what engines run. Raises LeftOutError
        where the weights do not fit."""
        memory_bytes = self.hardware.memory_bytes - self._resident_wider_bytes
        held = capacity(self.shape, self.formats.widths, self.split, memory_bytes, 1.0, context)
        batch = min(float(held.largest_batch), ENGINE_SEQUENCES * self.split.copies)
        if batch < 1:
            raise LeftOutError(f"the weights do not fit {self.slice.name}, split by '{self.split}'")
        return batch

    def case(
        self, row: Row, group: Group, pieces: tuple[Piece, ...], observed: float,
        unit: Literal["s", "J"] = "s", note: str = "",
    ) -> Case:  # fmt: skip
        """The row as a case."""
        case = case_of(row, group, self.slice, self.formats, pieces, observed)
        copies = self.slice.chips // self.split.pipeline
        return replace(case, copies=copies, unit=unit, note=note or row.text("notes"))


def case_of(
    row: Row, group: Group, on_slice: Slice, held: Formats, pieces: tuple[Piece, ...],
    observed: float,
) -> Case:  # fmt: skip
    """A row with columns source, model, phase and notes as a case in seconds."""
    return Case(
        id=row.id, source=row.text("source"), stack=stack_of(row), group=group,
        model=row.text("model"), slice=on_slice, matmul_dtype=held.matmul_dtype,
        narrowing=held.narrowing, pieces=pieces, copies=1, observed=observed, unit="s",
        scope="server" if "wall power" in row.text("phase") else "chips",
        reliability=row.text("reliability") or "A", note=row.text("notes"),
    )  # fmt: skip


def deployment_of(row: Row, serving: bool = False) -> Deployment:
    """The deployment of a row with the columns of measured_inference.csv. What is not named is
    split over all chips; a `serving` model over no more than fill half of their memory, the rest
    being copies. Raises LeftOutError where model, chip, slice or split are not known."""
    topology = row.text("parallelism_topology")
    chip, counted = chip_of(row.text("hardware"))
    axes = named_axes(topology)
    chips = row.count("n_chips", counted)
    if "node" in topology:  # the chips are one node's, the axes those of all nodes
        chips = max(chips, math.prod(axes.values()))
    axes = counted_in_chips(axes, chips, chip)
    on_slice = slice_of(chip, chips, topology)
    sizes, held = sizes_of(row), formats_of(row)
    hardware = hardware_of(chip, held.matmul_dtype)
    if serving and not axes:
        weight_bytes = sizes.parameters * held.widths.weight_bytes
        axes = {"tensor": _fewest(weight_bytes, float(hardware.memory_bytes), chips)}
    # Chips of a tensor group hold the KV of different sequences: 'sharded over batch', as Pope et
    # al. decode in their 2D layouts.
    by_sequences = "batch" in topology or ("2D W" in topology and "heads" not in topology)
    split = replace(split_of(axes, chips), kv_by_sequences=by_sequences)
    return Deployment(shape_of(sizes), held, on_slice, split, hardware)


def _fewest(weight_bytes: float, memory_bytes: float, chips: int) -> int:
    """The fewest chips, a power of two, whose memory the weights fill by half at most."""
    fewest = 1
    while fewest < chips and weight_bytes > WEIGHT_SHARE * memory_bytes * fewest:
        fewest *= 2
    return min(fewest, chips)
