"""An evaluation's sessions of the HPARAMS tab: each way to answer, here and on each slice."""

from collections.abc import Iterator

from ..records.evaluation import Cell, Evaluation, SliceCost
from .hparams import Hyperparameters, Session, chip_given
from .tags import tag


def evaluation_sessions(evaluation: Evaluation) -> Iterator[Session]:
    """Every cell on the machine that ran it and on every slice that it is predicted on."""
    for cell in evaluation.cells:
        given, bought = _given(evaluation, cell), {"outcome/accuracy": cell.accuracy.value}
        if cell.wall_s is not None:
            here = chip_given(evaluation.provenance.device, 1, "measured")
            query_s = {"cost/query_s": cell.wall_s / len(cell.questions)}
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
    return {name: interval.median for name, interval in known.items() if interval}
