"""Rows of measured_inference.csv: steps of models, time or energy for one token of a server's
output, and single exchanges. Batch and lengths come from a row's columns or from its notes.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from ....tpu_configs.input_errors import one_line
from ...predicted.cases import Case, Group, Piece
from ...predicted.step.work import Work
from .csv_rows import NUMBER, LeftOutError, Row, positive, seconds_each
from .deployments import Deployment, deployment_of
from .models import known_sizes
from .operators import named_operation


def number_in(pattern: str, text: str) -> float | None:
    """The number that `pattern`, in which '#' stands for it, finds in `text`."""
    result = re.search(pattern.replace("#", NUMBER), text)
    return positive(result[1]) if result else None


def stated(row: Row, column: str, what: str) -> float:
    """The number in a column; LeftOutError, which says `what` it is, where there is none."""
    if (number := row.number_or_none(column)) is None:
        raise _missing(row, column, what)
    return number


def _missing(row: Row, column: str, what: str) -> LeftOutError:
    """For a cell that holds no number, though perhaps something else."""
    text = row.text(column)
    if text in ("", "?"):
        return LeftOutError(f"{what} is not stated")
    return LeftOutError(f"{what} is given as {one_line(repr(text[:60]))}, expected one number")


_PROMPT = ("input_len", "the length of the prompts")
_ANSWER = ("output_len", "the length of the answers")
_BATCH = ("batch_or_concurrency", "the batch")


def history_tokens(row: Row) -> float:
    """Positions cached before the prompt: what the context holds besides prompt and answer."""
    context = row.number_or_none("context_len")
    if context is None:
        return 0.0
    counted = (row.number_or_none("input_len") or 0.0) + (row.number_or_none("output_len") or 0.0)
    return max(context - counted, 0.0)


def decode_context(row: Row) -> float:
    """Cached positions of a sequence, in the mean over the steps: as stated ('~600' too), else the
    prompt and half the answer. Caches count as full where a table (jax-llm-examples') does not say
    whether they were. Raises LeftOutError where neither is stated."""
    context = _stated_context(row)
    if context is not None:
        return context
    prompt, answer = row.number_or_none("input_len"), row.number_or_none("output_len")
    if prompt is None or answer is None:
        lengths = ("input_len", "output_len") if prompt or answer else ()
        column = next((c for c in ("context_len", *lengths) if row.text(c)), "context_len")
        raise _missing(row, column, "the context")
    return prompt + answer / 2


def _stated_context(row: Row) -> float | None:
    return row.number_or_none("context_len") or number_in(
        r"^~?#(?: ?\([^()]*\))?$", row.text("context_len")
    )


def decode_batch(row: Row) -> float:
    """Sequences in a step: measured, or tokens/s times the time per token, or as stated.
    Concurrency is not batch (requests wait, and prompts run in between), so a rate in the notes
    comes before it (Little's law). Raises LeftOutError where nothing says it."""
    if running := row.number_or_none("effective_running_batch"):
        return running
    rate = number_in(r"# (?:out|output) tok/s", row.text("notes"))
    if rate and row.text("unit") == "ms/tok":
        return rate * row.number("value") / 1e3
    if row.text("unit") == "tok/s" and (per_user := _rate_per_user(row.text("notes"))):
        return row.number("value") / per_user
    return stated(row, *_BATCH)


def _rate_per_user(notes: str) -> float | None:
    """The middle of '20-22 tok/s per user'."""
    result = re.search(rf"{NUMBER}-{NUMBER} tok/s per user", notes)
    return (positive(result[1]) + positive(result[2])) / 2 if result else None


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


def _serving(row: Row) -> Case:
    """Decode steps with, spread over their tokens, the prompts before them: one token of output
    takes 1/batch of a step and 1/answer of a prefill. Where no batch is stated it is the largest
    that fits. Raises LeftOutError where lengths are not known, or a latency limit ruled the batch.
    """
    words = f"{row.text('phase')} {row.text('metric')}".lower()
    if "interactive" in words:
        raise LeftOutError("a limit on latency ruled the batch, which is not stated")
    place = deployment_of(row, serving=True)
    lengths = _lengths(row)
    beams = number_in(r"beam #", row.text("notes")) or 1.0
    fits = place.largest_batch(lengths.prompt / beams + lengths.answer / 2)
    most = row.number_or_none("effective_running_batch") or number_in(
        r"^(?:<=)?#$", row.text("batch_or_concurrency")
    )  # requests at a time: '64', or '<=135'
    batch = min(most * beams, fits) if most else fits
    pieces = _pieces(place, lengths, batch, beams)
    if row.text("unit").startswith("J/"):
        return place.case(row, "energy", pieces, row.number("value"), "J")
    return place.case(row, "serving", pieces, 1 / _output_rate(row, lengths))


def _pieces(place: Deployment, lengths: Lengths, batch: float, beams: float) -> tuple[Piece, Piece]:
    """Of one token of output of one request, of which every one of `beams` writes its own."""
    prompts = batch / beams
    decode = place.decode_shared(prompts, beams, lengths.prompt, lengths.context)
    # As many prompts at a time as there are copies of the model: each has one.
    together = float(place.split.copies)
    prefill = place.prefill(together, lengths.prompt)
    prefills = 1 / (lengths.answer * together)
    return Piece("decode", 1 / prompts, decode), Piece("prefill", prefills, prefill)


def _lengths(row: Row) -> Lengths:
    """Prompt and answer: from columns, means in the notes, or the data set that is named."""
    notes, model = row.text("notes"), row.text("model")
    prompt = _mean_prompt(notes) or row.number_or_none("input_len")
    answer = row.number_or_none("output_len")
    if prompt and answer:
        return Lengths(prompt, answer)
    means = re.search(rf"\(([^()]*?) avg ~?{NUMBER} in/{NUMBER} out\)", notes)
    if means and _same_model(means[1], model):
        return Lengths(positive(means[2]), positive(means[3]))
    if "dataset" in (row.text("input_len"), row.text("output_len")):
        for name, lengths in MLPERF_LENGTHS.items():
            if model.lower().startswith(name):
                return Lengths(*lengths)
    ratio = number_in(r"~?# input tokens per output token", notes)
    context = _stated_context(row)
    if ratio and context:
        answer = context / (ratio + 0.5)
        return Lengths(ratio * answer, answer)
    for column, what in (_PROMPT, _ANSWER):
        if row.text(column):
            stated(row, column, what)
    raise LeftOutError("the lengths of prompts and answers are not stated")


def _mean_prompt(notes: str) -> float | None:
    """Of 'input max 1919 (avg ~ 1k)'."""
    result = re.search(rf"input[^,]*\bavg ~? ?{NUMBER}(k?)", notes)
    return positive(result[1]) * (1e3 if result[2] else 1.0) if result else None


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


INFERENCE_COLUMNS = (
    "source", "model", "hardware", "n_chips", "parallelism_topology", "w_dtype", "act_dtype",
    "kv_dtype", "batch_or_concurrency", "input_len", "output_len", "context_len", "phase",
    "metric", "value", "unit", "notes",
)  # fmt: skip


def inference_cases(row: Row) -> list[Case]:
    """The case that a row makes. Raises LeftOutError where it cannot be predicted,
    ProfileInputError for a malformed cell."""
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
    batch = row.number_or_none("batch_or_concurrency") or 1
    if "ttft" in metric and batch > 1:
        raise LeftOutError("time to first token under load is queueing, not prefill")
    place = deployment_of(row)
    tokens = stated(row, *_PROMPT)
    piece = Piece("prefill", 1.0, place.prefill(batch, tokens, history_tokens(row)))
    observed = seconds_each(row, of_token=batch * tokens, of_step=1.0)
    return place.case(row, "prefill", (piece,), observed)


def _decode(row: Row) -> Case:
    place = deployment_of(row)
    batch = decode_batch(row)
    steps, nodes = _steps(row), place.slice.chips / row.count("n_chips", place.slice.chips)
    pieces = [Piece("decode", steps, place.decode(batch * nodes, decode_context(row)))]
    if "(length unstated" in row.text("notes"):
        _refuse_a_cache_that_counts(place, pieces[0].work, batch * nodes)
    metric = row.text("metric").lower()
    if "tpot" in metric and batch > 1:
        # A mean over whole requests also waits for the prompts of the others: each of them is
        # followed by one whenever it ends.
        prompts = steps * (batch - 1) / stated(row, *_ANSWER)
        prefill = place.prefill(1.0, stated(row, *_PROMPT))
        pieces.append(Piece("prefill", prompts, prefill))
    per_user = "per user" in metric or "tokens/s (b=1)" in metric
    observed = seconds_each(row, of_token=1.0 if per_user else batch, of_step=steps)
    return place.case(row, "decode", tuple(pieces), observed)


MOST_CACHE = 0.1
"""Of a step's time, what reading a cache may take where a table has its size, not what is in it."""


def _refuse_a_cache_that_counts(place: Deployment, full: Work, batch: float) -> None:
    """Raise LeftOutError where a step with a full cache is much longer than with an empty one: how
    full it was is not stated. (Prompts of one length take as long to read beside any size of cache
    in that table, and sizes from 4,096 on decode alike.)"""
    share = 1 - place.ideal_s(place.decode(batch, 1.0)) / place.ideal_s(full)
    if share > MOST_CACHE:
        raise LeftOutError(
            f"how full its cache was is not stated, which would take {share:.0%} of the step"
        )


def _steps(row: Row) -> float:
    """Steps that the value stands for: 'latency for 64 tokens' is that of 64."""
    words = row.text("metric").lower().split()
    if "for" in words and words[-1] == "tokens" and words[-2].isdigit():
        return positive(words[-2])
    return 1.0


def _both(row: Row) -> Case:
    """A whole answer: the prompt, then every token of the answer with a growing cache."""
    place = deployment_of(row)
    batch = stated(row, *_BATCH)
    new, out, history = stated(row, *_PROMPT), stated(row, *_ANSWER), history_tokens(row)
    context = history + new + out / 2
    pieces = (
        Piece("prefill", 1.0, place.prefill(batch, new, history)),
        Piece("decode", out, place.decode(batch, context)),
    )
    prefill_s, decode_s = (piece.steps * place.ideal_s(piece.work) for piece in pieces)
    group: Group = "prefill" if prefill_s >= decode_s else "decode"
    return place.case(row, group, pieces, seconds_each(row, of_token=batch * out, of_step=1.0))


_READERS: tuple[tuple[str, Callable[[Row], Case]], ...] = (
    ("prefill+decode", _both),
    ("prefill", _prefill),
    ("decode", _decode),
    ("serving", _serving),
    ("energy", _serving),
    ("collective", named_operation),
    ("elementwise", named_operation),
)
