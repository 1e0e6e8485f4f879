"""Rows of a server's throughput: time, or energy, for one token of output."""

import re
from typing import NamedTuple

from ...predict.cases import Case, Piece
from .deployment import Deployment, deployment_of
from .lengths import said
from .models import known_sizes
from .table import LeftOutError, Row

MLPERF_LENGTHS: dict[str, tuple[float, float]] = {
    "llama-2-70b": (295, 294),
    "llama-3.1-405b": (9400, 685),
    "llama-3.1-8b": (778, 128),
    "mixtral-8x7b": (300, 145),
    "deepseek-r1": (800, 3880),
}
"""Mean tokens of prompt and answer in MLPerf Inference's data sets, where a row says 'dataset'.
Answers: tokens_per_sample of the reference's accuracy (mlcommons/inference, language/*/README);
prompts, and Llama-3.1-8B's answers (the limit), are about what the task forces published."""


class Lengths(NamedTuple):
    """Mean tokens of a request."""

    prompt: float
    answer: float

    @property
    def context(self) -> float:
        """Mean cached positions while answers are written."""
        return self.prompt + self.answer / 2


def serving_case(row: Row) -> Case:
    """Decode steps with, spread over their tokens, the prompts that came before.

    One token of output takes 1/batch of a step and 1/answer of a prefill. Where no batch is
    stated it is the largest that fits.

    Raises LeftOutError where lengths are not known, or a latency limit ruled the batch.
    """
    words = f"{row.text('phase')} {row.text('metric')}".lower()
    if "interactive" in words:
        raise LeftOutError("a limit on latency ruled the batch, which is not stated")
    place = deployment_of(row, serving=True)
    lengths = _lengths(row)
    beams = said(r"beam #", row.text("notes")) or 1.0
    fits = place.largest_batch(lengths.prompt / beams + lengths.answer / 2)
    stated = row.known("effective_running_batch") or _most_at_once(row)
    batch = min(stated * beams, fits) if stated else fits
    pieces = _pieces(place, lengths, batch, beams)
    if row.text("unit").startswith("J/"):
        return place.case(row, "energy", pieces, row.number("value"), "J")
    return place.case(row, "serving", pieces, 1 / _output_rate(row, lengths))


def _most_at_once(row: Row) -> float | None:
    """Requests at a time: '64', or '<=135'."""
    return said(r"^(?:<=)?#$", row.text("batch_or_concurrency"))


def _pieces(place: Deployment, lengths: Lengths, batch: float, beams: float) -> tuple[Piece, Piece]:
    """Of one token of output of one request, of which every one of `beams` writes its own."""
    prompts = batch / beams
    decode = place.decode_shared(prompts, beams, lengths.prompt, lengths.context)
    # As many prompts at a time as there are copies of the model: each has one.
    together = float(place.copies)
    prefill = place.prefill(together, lengths.prompt)
    return (
        Piece("decode", 1 / prompts, decode),
        Piece("prefill", 1 / (lengths.answer * together), prefill),
    )


def _lengths(row: Row) -> Lengths:
    """Prompt and answer: from columns, means in the notes, or the data set that is named."""
    notes, model = row.text("notes"), row.text("model")
    prompt, answer = _mean_prompt(notes) or row.known("input_len"), row.known("output_len")
    if prompt and answer:
        return Lengths(prompt, answer)
    stated = re.search(r"\(([^()]*?) avg ~?([\d.]+) in/([\d.]+) out\)", notes)
    if stated and _same_model(stated[1], model):
        return Lengths(float(stated[2]), float(stated[3]))
    if "dataset" in (row.text("input_len"), row.text("output_len")):
        for name, lengths in MLPERF_LENGTHS.items():
            if model.lower().startswith(name):
                return Lengths(*lengths)
    ratio = said(r"~?# input tokens per output token", notes)
    context = row.known("context_len") or said(r"^~?#", row.text("context_len"))
    if ratio and context:
        answer = context / (ratio + 0.5)
        return Lengths(ratio * answer, answer)
    raise LeftOutError("the lengths of prompts and answers are not stated")


def _mean_prompt(notes: str) -> float | None:
    """Of 'input max 1919 (avg ~ 1k)'."""
    found = re.search(r"input[^,]*\bavg ~? ?([\d.]+)(k?)", notes)
    return float(found[1]) * (1e3 if found[2] else 1.0) if found else None


def _same_model(a: str, b: str) -> bool:
    sizes = known_sizes(a), known_sizes(b.replace("-", " "))
    plain = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (a, b))
    return len(set(plain)) == 1 or (sizes[0] is not None and sizes[0] == sizes[1])


def _output_rate(row: Row, lengths: Lengths) -> float:
    """Tokens of output a second, of all requests together."""
    value, unit, metric = row.number("value"), row.text("unit"), row.text("metric").lower()
    if unit in ("samples/s", "req/s", "requests/s"):
        return value * lengths.answer
    if unit in ("tok/s", "tokens/s"):
        if "total" in metric and "output" not in metric:
            return value * lengths.answer / (lengths.prompt + lengths.answer)
        return value
    raise LeftOutError(f"the unit '{unit}' of '{row.text('metric')}' is not known")
