"""Rows of tpu_served.csv: servings on TPUs, as one static batch or under a closed loop."""

import re

from ....model.architecture import shape_of
from ...predicted.cases import Case, Piece
from ...predicted.step.collectives import Parallelism
from ...predicted.step.hardware import hardware_of
from .closed_loop import ClosedLoop
from .csv_rows import LeftOutError, Row
from .deployments import Deployment, chip_of, named_axes, slice_of
from .models import formats, sizes_named
from .steps import Lengths

TPU_SERVED_COLUMNS = (
    "source", "location", "model", "hardware", "n_chips", "n_devices", "parallelism", "engine",
    "weights_dtype", "act_dtype", "kv_dtype", "load", "concurrency", "isl_mean", "osl_mean",
    "ttft_mean_ms", "ttft_median_ms", "tpot_mean_ms", "tpot_median_ms", "output_tok_s",
    "spec_decode", "note",
)  # fmt: skip


def tpu_served_cases(row: Row) -> list[Case]:
    """A decode step of a static batch, or a closed loop's time per token and to the first. Raises
    LeftOutError where a row cannot be predicted, ProfileInputError for a malformed cell."""
    _refuse_what_is_not_served_plainly(row)
    place = _deployment(row)
    lengths = Lengths(row.number("isl_mean"), row.number("osl_mean"))
    batch = row.number("concurrency")
    note = f"{row.text('location')}; {row.text('load')}"
    if "static batch" in row.text("load"):
        # Its prompts are read before: the rate of that is the engine's scheduling, not a step's,
        # and a fault in it holds up no step.
        step = Piece("decode", 1.0, place.decode(batch, lengths.context))
        return [place.case(row, "decode", (step,), _seconds(row, "tpot"), note=note)]
    tpot_s, ttft_s = _seconds(row, "tpot"), _seconds(row, "ttft")
    if "more asked for than ran" in row.text("note"):
        # Little's law has those who ran, but not how long the others stood outside.
        running = ClosedLoop(place, lengths, row.number("output_tok_s") * tpot_s)
        return [running.case(row, "tpot", tpot_s, note)]
    loop = ClosedLoop(place, lengths, batch)
    return [loop.case(row, "tpot", tpot_s, note), loop.case(row, "ttft", ttft_s, note)]


def _seconds(row: Row, what: str) -> float:
    """Of 'ttft' or 'tpot': the median where it is stated, else the mean."""
    stated = [f"{what}_median_ms", f"{what}_mean_ms"]
    return row.number(stated[not row.text(stated[0])]) * 1e-3


_REFUSED = (
    ("note", r"fault present: prefill", "a scheduling fault held up its prompts and its steps"),
    ("note", r"decode batch reached", "the batch that ran is not stated: memory was short"),
    ("load", r"prefix cache on", "how much of its prompts the prefix cache held is not stated"),
    ("spec_decode", r"accepted length", "drafts, prefix hits or loading change what ran together"),
)
"""Column, what it holds where a row is no plain serving, and the reason."""


def _refuse_what_is_not_served_plainly(row: Row) -> None:
    for column, pattern, reason in _REFUSED:
        if re.search(pattern, row.text(column)):
            raise LeftOutError(reason)
    if not (row.number_or_none("isl_mean") and row.number_or_none("osl_mean")):
        raise LeftOutError("the lengths of prompts and answers are not stated")


def _deployment(row: Row) -> Deployment:
    sizes = sizes_named(row.text("model"))
    chip, counted = chip_of(row.text("hardware"))
    chips = row.count("n_chips", counted)
    devices = row.count("n_devices", chips)
    if devices < chips:
        raise LeftOutError(f"{devices} devices are fewer than the {chips} chips")
    held = formats(row.text("weights_dtype"), row.text("act_dtype"), _dtype(row.text("kv_dtype")))
    on_slice = slice_of(chip, chips)
    split = _split(row.text("parallelism"), chips, devices // chips)
    return Deployment(shape_of(sizes), held, on_slice, split, hardware_of(chip, held.matmul_dtype))


def _split(words: str, chips: int, cores: int) -> Parallelism:
    """Of 'TP32 / attention DP4 / EP32': attention in `data` copies of what is left of the chips,
    and experts over all of them; axes count `cores` a chip. Raises LeftOutError where they do not
    fill the chips."""
    axes = named_axes(words)
    data, expert = axes.get("data", 1), axes.get("expert", 1) // cores
    tensor, rest = divmod(axes.get("tensor", 0), cores * data)
    split = Parallelism(tensor=tensor, data=data, expert=max(expert, 1))
    if rest or split.chips != chips:
        raise LeftOutError(f"the mesh '{words}' does not fill {chips} chips")
    return split


def _dtype(words: str) -> str:
    """'bf16' of 'bf16 (default)'."""
    return words.partition(" (")[0]
