"""Deployment: a row's model on its slice, ready to say what steps ask of it."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from ....tpu_configs.slice import Slice
from ...predict.capacity import capacity
from ...predict.cases import Case, Group, Piece
from ...predict.efficiency import IDEAL
from ...predict.hardware import Hardware, hardware_of
from ...predict.load import Load, decode_load, prefill_load
from ...predict.parallel import Parallelism
from ...predict.shape import ModelShape
from ...predict.time_model import step_terms
from ...predict.work import Work, spread_over, step_work
from .formats import Formats, formats_of
from .models import sizes_of
from .places import chip_of, named_axes, over_chips, slice_of, split_of
from .stacks import stack_of
from .table import LeftOutError, Row

ENGINE_SEQUENCES = 1024.0
"""Most sequences that a copy of the model runs at a time where memory would allow more: engines
cap it (vLLM's max_num_seqs is 1,024 by default on large GPUs)."""
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

    @property
    def copies(self) -> int:
        """Groups of chips that each work on sequences of their own."""
        return self.split.data * self.split.expert

    def decode(self, sequences: float, context: float) -> Work:
        """One token of each sequence."""
        return self._work(decode_load(sequences, context))

    def decode_shared(self, prompts: float, beams: float, prompt: float, context: float) -> Work:
        """One token of each beam of each prompt; beams share their prompt's cache."""
        return self._work(decode_load(prompts * beams, context, prompt, beams))

    def prefill(self, sequences: float, tokens: float, history: float = 0.0) -> Work:
        """The prompts of `sequences`, after `history` cached positions each."""
        return self._work(prefill_load(sequences, tokens, history))

    def _work(self, load: Load) -> Work:
        spread = spread_over(self.slice, self.split)
        return step_work(self.shape, load, self.formats.widths, spread, self.hardware.tile)

    def ideal_s(self, work: Work) -> float:
        """Seconds of a step at the datasheet's figures."""
        return float(step_terms(work, self.hardware, IDEAL).time_s)

    def largest_batch(self, context: float) -> float:
        """Sequences of that mean length that fit, at most what engines run.

        Raises LeftOutError where the weights do not fit.
        """
        found = capacity(
            self.shape, self.formats.widths, self.split, self.hardware.memory_bytes, 1.0, context
        )
        batch = min(float(found.largest_batch), ENGINE_SEQUENCES * self.copies)
        if batch < 1:
            raise LeftOutError(f"the weights do not fit {self.slice.name}, split by '{self.split}'")
        return batch

    def case(
        self,
        row: Row,
        group: Group,
        pieces: tuple[Piece, ...],
        observed: float,
        unit: Literal["s", "J"] = "s",
        note: str = "",
    ) -> Case:
        """The row as a case."""
        return Case(
            id=row.id,
            source=row.text("source"),
            stack=stack_of(row),
            group=group,
            model=row.text("model"),
            slice=self.slice,
            matmul_dtype=self.formats.matmul_dtype,
            narrowing=self.formats.narrowing,
            pieces=pieces,
            copies=self.slice.chips // self.split.pipeline,
            observed=observed,
            unit=unit,
            scope="server" if "wall power" in row.text("phase") else "chips",
            reliability=row.text("reliability") or "A",
            note=note or row.text("notes"),
        )


def deployment_of(row: Row, serving: bool = False) -> Deployment:
    """The deployment of a row with the columns of measured_inference.csv.

    What is not named is split over all chips; a `serving` model over no more than it needs to
    fill half of their memory, the rest being copies.

    Raises LeftOutError where model, chip, slice or split are not known.
    """
    topology = row.text("parallelism_topology")
    chip, counted = chip_of(row.text("hardware"))
    axes = named_axes(topology)
    chips = row.count("n_chips", counted)
    if "node" in topology:  # the chips are one node's, the axes those of all nodes
        chips = max(chips, math.prod(axes.values()))
    axes = over_chips(axes, chips, chip)
    over = slice_of(chip, chips, topology)
    sizes, held = sizes_of(row), formats_of(row)
    hardware = hardware_of(chip, held.matmul_dtype)
    if serving and not axes:
        weight_bytes = sizes.parameters * held.widths.weight_bytes
        axes = {"tensor": _fewest(weight_bytes, float(hardware.memory_bytes), chips)}
    split = replace(split_of(axes, chips), kv_by_sequences=_kv_by_sequences(topology))
    return Deployment(sizes.shape(), held, over, split, hardware)


def _kv_by_sequences(topology: str) -> bool:
    """Whether chips of a tensor group hold the KV of different sequences: 'sharded over batch',
    as Pope et al. decode in their 2D layouts."""
    return "batch" in topology or ("2D W" in topology and "heads" not in topology)


def _fewest(weight_bytes: float, memory_bytes: float, chips: int) -> int:
    """The fewest chips, a power of two, whose memory the weights fill by half at most."""
    fewest = 1
    while fewest < chips and weight_bytes > WEIGHT_SHARE * memory_bytes * fewest:
        fewest *= 2
    return min(fewest, chips)
