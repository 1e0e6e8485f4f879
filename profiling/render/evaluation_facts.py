"""What an evaluation says in words: headline, subtitle, notes, provenance."""

from ..records.evaluation import Cell, Evaluation
from . import amounts, units
from .table import Table, pairs


def headline(evaluation: Evaluation) -> str:
    """The most accurate cell, and the one whose correct answers are cheapest."""
    cells = evaluation.cells
    if not cells:
        return "Nothing was evaluated."
    best = max(cells, key=lambda cell: cell.accuracy.value)
    said = (
        f"'{best.label}' is right on {units.share(best.accuracy.value)} of {evaluation.problems} "
        f"problems, the most of {len(cells)}."
    )
    cheapest = _cheapest(cells)
    if cheapest is None:
        return said
    cell, usd, where = cheapest
    price = f"{amounts.usd(usd)} on {where}, predicted"
    return f"{said} A correct answer is cheapest from '{cell.label}': {price}."


def _cheapest(cells: list[Cell]) -> tuple[Cell, float, str] | None:
    """By dollars a correct answer, on the first slice."""
    found = [
        (cell, cost.per_correct.usd.median, cost.slice)
        for cell in cells
        for cost in cell.slices[:1]
        if cost.per_correct and cost.per_correct.usd
    ]
    return min(found, key=lambda each: each[1], default=None)


def subtitle(evaluation: Evaluation) -> list[str]:
    """Task, model and sizes."""
    parameters = units.prefixed(evaluation.parameters, "parameters")
    return [
        evaluation.task,
        f"{evaluation.model} ({parameters}, {evaluation.dtype})",
        f"{evaluation.problems} problems",
        f"{evaluation.batch} together",
        *([f"at most {evaluation.limit} a question"] if evaluation.limit else []),
    ]


def notes(evaluation: Evaluation) -> list[str]:
    """Notes, what the choice by level reached, and how to read intervals."""
    said = list(evaluation.notes)
    if evaluation.optimal:
        said.append(f"{evaluation.optimal.said} Difficulty: {evaluation.optimal.difficulty}.")
    return [
        *said,
        "Intervals in parentheses: 95 % over problems for accuracy (attempts at one problem are "
        "one observation), 80 % for what is predicted, with the accuracy's own in it where the "
        "cost is of a correct answer.",
    ]


def facts_table(evaluation: Evaluation) -> Table:
    """Provenance."""
    made = evaluation.provenance
    guess = evaluation.guess_rate
    return pairs(
        "Provenance",
        [
            ("command", made.command),
            ("created", made.created),
            ("commit", made.git_commit or ""),
            ("device", f"{made.device} ({made.backend}), {made.cores} cores"),
            ("versions", ", ".join(f"{name} {said}" for name, said in made.versions.items())),
            ("seed", str(made.seed)),
            ("random guess", units.share(guess) if guess is not None else "not known"),
        ],
    )
