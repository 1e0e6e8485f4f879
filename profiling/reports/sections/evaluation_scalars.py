"""An evaluation as TensorBoard events: accuracy, costs, and curves over attempts and budgets.

Curves over attempts have k as their step, those over budgets the tokens of thought. Each strategy
has a run of its own for each place in `ways/`, for the HPARAMS tab.
"""

from collections.abc import Iterator

from ...records.evaluation import Cell, Evaluation, SliceCost
from ..charts.evaluation_charts import attempts_chart, budget_chart, frontier_chart
from ..document import Chart, Document
from ..estimates import guessed, interval_of
from ..renderers.markdown import markdown
from ..renderers.tensorboard import (
    Events,
    Hyperparameters,
    Scalar,
    Session,
    chip_given,
    curves,
    medians,
    tag,
    tags,
)


def evaluation_events(evaluation: Evaluation, document: Document) -> Events:
    """All that its event file holds; `document` is its report."""
    names = strategy_tags(evaluation)
    return Events(
        scalars=scalars(evaluation),
        texts={"report": markdown(document)},
        charts=charts(evaluation),
        histograms=[
            (f"counted/{names[cell.strategy]}/think/query_tokens", thought_tokens(cell),
             cell.budget or 0)
            for cell in evaluation.cells
        ],
        sessions=sessions(evaluation),
        sessions_folder="ways",
    )  # fmt: skip


def strategy_tags(evaluation: Evaluation) -> dict[str, str]:
    """Each strategy's tag."""
    return tags(cell.strategy for cell in evaluation.cells)


def label_tags(evaluation: Evaluation) -> dict[str, str]:
    """Each cell's tag, by its label."""
    return tags(cell.label for cell in evaluation.cells)


def charts(evaluation: Evaluation) -> dict[str, Chart]:
    """Tag -> chart, of those that there is something to draw in."""
    rate, labels = evaluation.guess_rate, label_tags(evaluation)
    made = {"budget": budget_chart(evaluation)}
    for frontier in evaluation.frontiers:
        place = f"{frontier.kind} {frontier.slice}" if frontier.slice else frontier.kind
        made[f"frontier/{tag(place)}"] = frontier_chart(frontier, evaluation.optimal)
    for cell in evaluation.cells:
        made[f"attempts/{labels[cell.label]}"] = attempts_chart(cell, rate)
    return {name: chart for name, chart in made.items() if chart is not None}


def scalars(evaluation: Evaluation) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar."""
    names, labels = strategy_tags(evaluation), label_tags(evaluation)
    for cell in evaluation.cells:
        yield from _cell(cell, names[cell.strategy])
        yield from _attempts(cell, labels[cell.label], evaluation.guess_rate)


def _cell(cell: Cell, name: str) -> Iterator[Scalar]:
    step = cell.budget or 0
    yield from curves(f"outcome/{name}/right", interval_of(cell.accuracy), step)
    n = len(cell.questions)
    for phase in cell.phases:
        under = f"counted/{name}/{tag(phase.name)}"
        yield f"{under}/tokens_a_query", phase.tokens / n, step
        yield f"{under}/flops_a_query", phase.counted.flops / n, step
        yield f"{under}/hbm_bytes_a_query", phase.counted.hbm_bytes.total / n, step
        yield f"{under}/intensity", phase.counted.intensity, step
    if cell.time_per_question_s is not None:
        yield f"measured/{name}/time_a_query_s", cell.time_per_question_s.median, step
    slices = tags(cost.slice for cost in cell.slices)
    for cost in cell.slices:
        yield from _cost(f"predicted/{slices[cost.slice]}/{name}", cost, step)


def _cost(under: str, cost: SliceCost, step: int) -> Iterator[Scalar]:
    yield f"{under}/time_a_query_s", cost.time_s.median, step
    for which, amounts in (("a_query", cost.amounts), ("a_correct_answer", cost.per_correct)):
        if amounts and amounts.usd:
            yield f"{under}/{which}_usd", amounts.usd.median, step
        if amounts and amounts.wall_j:
            yield f"{under}/{which}_wall_j", amounts.wall_j.median, step


def _attempts(cell: Cell, label: str, guess_rate: float | None) -> Iterator[Scalar]:
    under = f"attempts/{label}"
    for point in cell.attempts:
        shares = {"pass": point.coverage, "majority": point.majority, "best": point.best}
        for name, estimate in shares.items():
            yield from curves(f"{under}/{name}", interval_of(estimate), point.k)
        if guess_rate:
            yield f"{under}/guess", guessed(guess_rate, point.k), point.k


def thought_tokens(cell: Cell) -> list[int]:
    """Tokens thought about each question, all attempts together; none where nothing thinks."""
    ledgers = [question.ledger for question in cell.questions if question.ledger is not None]
    tokens = [sum(e.tokens for e in ledger.entries if e.phase == "think") for ledger in ledgers]
    return tokens if any(tokens) else []


def sessions(evaluation: Evaluation) -> Iterator[Session]:
    """Every cell on the machine that ran it and on every slice that it is predicted on."""
    for cell in evaluation.cells:
        given, bought = _given(evaluation, cell), {"outcome/accuracy": cell.accuracy.value}
        if cell.time_per_question_s is not None:
            here = chip_given(evaluation.provenance.device, 1, "measured")
            query_s = {"cost/query_s": cell.time_per_question_s.median}
            yield Session(f"{tag(cell.label)}_on_this_machine", given | here, bought | query_s)
        for cost in cell.slices:
            there: Hyperparameters = {"slice": cost.slice, "lens": "predicted"}
            if cost.chip is not None and cost.chips is not None:
                there |= chip_given(cost.chip, cost.chips, "predicted")
            name = f"{tag(cell.label)}_on_{tag(cost.slice)}"
            yield Session(name, given | there, bought | _costs(cost))


def _given(evaluation: Evaluation, cell: Cell) -> Hyperparameters:
    budget: Hyperparameters = {} if cell.budget is None else {"think_budget": cell.budget}
    return {
        "made_by": "evaluation",
        "model": evaluation.model,
        "parameters": evaluation.parameters,
        "dtype": evaluation.dtype,
        "task": evaluation.task,
        "strategy": cell.strategy,
        "prompts": evaluation.problems,
        "batch": evaluation.batch,
        "attempts": max(len(question.tried) for question in cell.questions),
        **budget,
    }


def _costs(cost: SliceCost) -> dict[str, float]:
    query, correct = cost.amounts, cost.per_correct
    known = {
        "cost/query_s": cost.time_s,
        "cost/query_usd": query.usd,
        "cost/query_wall_j": query.wall_j,
        "cost/query_gco2e": query.gco2e,
        "cost/correct_usd": correct.usd if correct else None,
        "cost/correct_wall_j": correct.wall_j if correct else None,
    }
    return medians(known)
