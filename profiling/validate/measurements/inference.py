"""Rows of measured_inference.csv: steps of models, serving, and single exchanges."""

import re
from collections.abc import Callable

from ...predict.cases import Case, Group, Piece
from .deployment import Deployment, deployment_of
from .lengths import decode_batch, decode_context, history_tokens, input_tokens, output_tokens
from .operations import named_operation
from .serving import serving_case
from .table import LeftOutError, Row
from .units import seconds_each

COLUMNS = (
    "source", "model", "hardware", "n_chips", "parallelism_topology", "w_dtype", "act_dtype",
    "kv_dtype", "batch_or_concurrency", "input_len", "output_len", "context_len", "phase",
    "metric", "value", "unit", "notes",
)  # fmt: skip


def inference_cases(row: Row) -> list[Case]:
    """The case that a row makes.

    Raises LeftOutError where it cannot be predicted, ProfileInputError for a malformed cell.
    """
    row.number("value")
    if row.text("reliability") == "D":
        raise LeftOutError("a vendor's claim, not a measurement")
    if re.search(r"\bp9\d", row.text("metric").lower()):
        raise LeftOutError(f"'{row.text('metric')}' is a tail; medians and means are predicted")
    phase = row.text("phase").lower()
    for start, read in _READERS:
        if phase.startswith(start):
            return [read(row)]
    raise LeftOutError(f"the phase '{row.text('phase')}' is not one that is predicted")


def _prefill(row: Row) -> Case:
    metric = row.text("metric").lower()
    batch = row.known("batch_or_concurrency") or 1
    if "ttft" in metric and batch > 1:
        raise LeftOutError("time to first token under load is queueing, not prefill")
    place = deployment_of(row)
    tokens = input_tokens(row)
    piece = Piece("prefill", 1.0, place.prefill(batch, tokens, history_tokens(row)))
    observed = seconds_each(row, of_token=batch * tokens, of_step=1.0)
    return place.case(row, "prefill", (piece,), observed)


def _decode(row: Row) -> Case:
    place = deployment_of(row)
    batch = decode_batch(row)
    steps, nodes = _steps(row), place.slice.chips / row.count("n_chips", place.slice.chips)
    pieces = [Piece("decode", steps, place.decode(batch * nodes, decode_context(row)))]
    metric = row.text("metric").lower()
    if "tpot" in metric and batch > 1:
        # A mean over whole requests also waits for the prompts of the others: each of them is
        # followed by one whenever it ends.
        prompts = steps * (batch - 1) / output_tokens(row)
        prefill = place.prefill(1.0, input_tokens(row))
        pieces.append(Piece("prefill", prompts, prefill))
    per_user = "per user" in metric or "tokens/s (b=1)" in metric
    observed = seconds_each(row, of_token=1.0 if per_user else batch, of_step=steps)
    return place.case(row, "decode", tuple(pieces), observed)


def _steps(row: Row) -> float:
    """Steps that the value stands for: 'latency for 64 tokens' is that of 64."""
    words = row.text("metric").lower().split()
    if "for" in words and words[-1] == "tokens" and words[-2].isdigit():
        return float(words[-2])
    return 1.0


def _both(row: Row) -> Case:
    """A whole answer: the prompt, then every token of the answer with a growing cache."""
    place = deployment_of(row)
    batch = row.known("batch_or_concurrency")
    if batch is None:
        raise LeftOutError("the batch is not stated")
    new, out, history = input_tokens(row), output_tokens(row), history_tokens(row)
    context = history + new + out / 2
    pieces = (
        Piece("prefill", 1.0, place.prefill(batch, new, history)),
        Piece("decode", out, place.decode(batch, context)),
    )
    group: Group = "prefill" if _larger_share(place, pieces) == "prefill" else "decode"
    return place.case(row, group, pieces, seconds_each(row, of_token=batch * out, of_step=1.0))


def _larger_share(place: Deployment, pieces: tuple[Piece, ...]) -> str:
    """The phase of the piece that takes longer at the datasheet's figures."""
    return max(pieces, key=lambda piece: piece.steps * place.ideal_s(piece.work)).phase


_READERS: tuple[tuple[str, Callable[[Row], Case]], ...] = (
    ("prefill+decode", _both),
    ("prefill", _prefill),
    ("decode", _decode),
    ("serving", serving_case),
    ("energy", serving_case),
    ("collective", named_operation),
    ("elementwise", named_operation),
)
