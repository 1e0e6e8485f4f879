"""An evaluation as TensorBoard events: accuracy, costs, and curves over attempts and cost.

Curves over attempts have k as their step, those over budgets the tokens of thought. Each way to
answer has a run of its own for each place in `ways/`, for the HPARAMS tab.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..records.evaluation import Cell, Estimate, Evaluation, SliceCost
from .evaluation_pages import evaluation_markdown
from .evaluation_png import evaluation_images
from .evaluation_sessions import evaluation_sessions
from .evaluation_text import guessed
from .event_folder import add_png, replace_events, writer_into
from .hparams import write_sessions
from .tags import tag

WAYS = "ways"
Scalar = tuple[str, float, int]


def write_evaluation_events(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write the events into `folder` (it must exist), replacing those of an earlier call."""
    return replace_events(folder, lambda empty: _write(evaluation, empty), WAYS)


def evaluation_scalars(evaluation: Evaluation) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar."""
    for cell in evaluation.cells:
        yield from _cell(cell)
        yield from _attempts(cell, evaluation.guess_rate)


def _cell(cell: Cell) -> Iterator[Scalar]:
    name, step = tag(cell.strategy), cell.budget or 0
    yield from _estimate(f"outcome/{name}/right", cell.accuracy, step)
    n = len(cell.questions)
    for phase in cell.phases:
        under = f"counted/{name}/{tag(phase.name)}"
        yield f"{under}/tokens_a_query", phase.tokens / n, step
        yield f"{under}/flops_a_query", phase.counted.flops / n, step
        yield f"{under}/hbm_bytes_a_query", phase.counted.hbm_bytes.total / n, step
        yield f"{under}/intensity", phase.counted.intensity, step
    if cell.wall_s is not None:
        yield f"measured/{name}/time_a_query_s", cell.wall_s / n, step
    for cost in cell.slices:
        yield from _cost(f"predicted/{tag(cost.slice)}/{name}", cost, step)


def _cost(under: str, cost: SliceCost, step: int) -> Iterator[Scalar]:
    yield f"{under}/time_a_query_s", cost.time_s.median, step
    for which, amounts in (("a_query", cost.amounts), ("a_correct_answer", cost.per_correct)):
        if amounts and amounts.usd:
            yield f"{under}/{which}_usd", amounts.usd.median, step
        if amounts and amounts.wall_j:
            yield f"{under}/{which}_wall_j", amounts.wall_j.median, step


def _attempts(cell: Cell, guess_rate: float | None) -> Iterator[Scalar]:
    under = f"attempts/{tag(cell.label)}"
    for point in cell.attempts:
        yield from _estimate(f"{under}/pass", point.coverage, point.k)
        if point.majority:
            yield from _estimate(f"{under}/majority", point.majority, point.k)
        if point.best:
            yield from _estimate(f"{under}/best", point.best, point.k)
        if guess_rate:
            yield f"{under}/guess", guessed(guess_rate, point.k), point.k


def _estimate(name: str, found: Estimate, step: int) -> Iterator[Scalar]:
    yield name, found.value, step
    yield f"{name}_low", found.low, step
    yield f"{name}_high", found.high, step


def _write(evaluation: Evaluation, folder: Path) -> None:
    write_sessions(evaluation_sessions(evaluation), folder / WAYS)
    with writer_into(folder) as writer:
        for name, value, step in evaluation_scalars(evaluation):
            writer.add_scalar(name, value, step)
        for name, image in evaluation_images(evaluation):
            add_png(writer, name, image)
        for cell in evaluation.cells:
            tokens = thought_tokens(cell)
            if tokens:
                name = f"counted/{tag(cell.strategy)}/think/tokens_a_query"
                writer.add_histogram(name, np.array(tokens), cell.budget or 0, bins="auto")
        writer.add_text("report", evaluation_markdown(evaluation))


def thought_tokens(cell: Cell) -> list[int]:
    """Tokens thought about each question, all attempts together; none where nothing thinks."""
    ledgers = [question.ledger for question in cell.questions if question.ledger is not None]
    found = [sum(e.tokens for e in each.entries if e.phase == "think") for each in ledgers]
    return found if any(found) else []
