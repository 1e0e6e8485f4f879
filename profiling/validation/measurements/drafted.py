"""Rows of speculative.csv: tokens that a draft proposes and the model verifies; those that state a
time per token are cases, of all others the accepted length is checked."""

from dataclasses import replace

from ....model.architecture import shape_of
from ...predicted.cases import Case, Piece
from ...predicted.model_shape import NamedShape
from ...predicted.speculative import accepted_by_marginal, draft_named, drafting, verification
from ...predicted.step.collectives import ONE_CHIP
from ...predicted.step.hardware import hardware_of
from ...predicted.step.work import Load, decode_load
from .csv_rows import LeftOutError, Row, positive
from .deployments import Deployment, chip_of, slice_of
from .models import formats, sizes_named
from .steps import number_in

DRAFTED_COLUMNS = (
    "method", "target", "draft", "hardware", "engine", "dataset", "drafts_N", "batch", "rate_kind",
    "accept_marginal", "accepted_length", "speedup_basis", "source",
)  # fmt: skip

CONTEXT = 500.0
"""Cached positions, which no row states: of chat and mathematics some hundreds, whose keys and
values are a hundredth of the weights of 8 billion at a batch of one, and a tenth at eight."""
MOST_BATCH = 8.0
MOST_ROUNDING = 0.02
"""Of a stated length, beside the sum of rates."""


def drafted_cases(row: Row) -> list[Case]:
    """Seconds of one token of every sequence: a verification, and its drafts, over the tokens that
    they yield. Raises LeftOutError where no time is stated, or not all that makes it,
    ProfileInputError for a malformed cell."""
    drafts = row.count("drafts_N", 0)
    accepted = _accepted(row, drafts)
    rate = number_in(r"-> # tok/s", row.text("speedup_basis"))
    token_ms = number_in(r"-> # ms", row.text("speedup_basis"))
    if accepted is None or not drafts or not (rate or token_ms):
        raise LeftOutError("no time is stated, or not how many drafts were proposed and right")
    batch = row.number("batch")
    if batch > MOST_BATCH:
        raise LeftOutError("the context is not stated, which counts at this batch")
    place = _deployment(row)
    draft = _draft(row, place)
    verified = place.step(Load(batch, drafts + 1.0, CONTEXT, 0.0, 1.0, drafts + 1.0))
    pieces = [Piece("decode", 1 / accepted, verification(verified, accepted))]
    if draft is not None:
        passes = drafting(draft.step(decode_load(batch, CONTEXT)))
        pieces.append(Piece("draft", drafts / accepted, passes))
    note = f"{row.text('method')}, {drafts} drafts, {accepted:g} tokens a step, batch {batch:g}"
    observed_s = token_ms * 1e-3 if token_ms else batch / positive(str(rate))
    case = place.case(row, "decode", tuple(pieces), observed_s, note=note)
    return [replace(case, model=row.text("target"))]


def _accepted(row: Row, drafts: int) -> float | None:
    """Tokens of a step, as stated; those of a replay are all right. None where it is not stated.
    Raises LeftOutError where a rate is not said to be marginal, or makes another length."""
    if row.text("method").startswith("oracle"):
        return drafts + 1.0
    stated, rates = row.number_or_none("accepted_length"), row.text("accept_marginal").split()
    if rates and row.text("rate_kind") != "marginal":
        raise LeftOutError("whether its rates are marginal or conditional is not stated")
    if stated and rates and len(rates) == drafts:
        summed = accepted_by_marginal([float(positive(one)) for one in rates])
        if abs(summed - stated) > MOST_ROUNDING * stated:
            raise LeftOutError(f"its rates make {summed:.3g} tokens a step, not {stated:g}")
    return stated


def _deployment(row: Row) -> Deployment:
    sizes = sizes_named(row.text("target"))
    chip, chips = chip_of(row.text("hardware"))
    held = formats("bf16")
    hardware = hardware_of(chip, held.matmul_dtype)
    return Deployment(shape_of(sizes), held, slice_of(chip, chips), ONE_CHIP, hardware)


def _draft(row: Row, place: Deployment) -> Deployment | None:
    """One layer of the model, as EAGLE's; None for a replay."""
    named = NamedShape(row.text("target"), place.shape)
    name = "ngram" if row.text("method").startswith(("oracle", "ngram")) else "eagle"
    shape = draft_named(name, named).shape
    return None if shape is None else replace(place, shape=shape)
