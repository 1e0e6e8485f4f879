"""An evaluation as a report: what was right and what it cost; then every table and chart."""

from dataclasses import replace

from ...records.evaluation import Evaluation
from .. import units
from ..charts.evaluation_charts import attempts_chart, budget_chart, frontier_chart
from ..document import Beside, Block, Bullets, Details, Document, Section, drawn
from . import evaluation_tables as tables
from .evaluation_headline import headline
from .profile_facts import provenance_facts

INTERVALS = (
    "Intervals: 95 % over problems for accuracy (attempts at one problem count as one "
    "observation), 80 % for predictions; that of a correct answer's cost includes the uncertainty "
    "of the accuracy."
)
BUDGETS = "'@16' is a budget: at most 16 tokens of thought."
_BASELINES = 6  # of a terminal


def evaluation_document(evaluation: Evaluation) -> Document:
    """The whole report."""
    rate = evaluation.guess_rate
    guess = ("random guess is right", "unknown" if rate is None else units.share(rate))
    rest = Details("Against best of N", [tables.baseline_table(evaluation)])
    return Document(
        title=evaluation.name,
        subtitle=f"{evaluation.task}, {subtitle(evaluation)}",
        headline=headline(evaluation),
        lead=[tables.cells_table(evaluation), Bullets(notes(evaluation))],
        sections=[
            Section("Predicted on slices", [tables.costs_table(evaluation)], "slices"),
            _accuracy(evaluation),
            _frontiers(evaluation),
            Section("By difficulty", [tables.levels_table(evaluation)], "difficulty"),
            Section("Compute-optimal choice", [tables.optimal_table(evaluation), rest], "optimal"),
            Section("Where the cost goes",
                    [tables.ledger_table(evaluation), tables.phases_table(evaluation)], "costs"),
            Section("Provenance", [provenance_facts(evaluation.provenance, guess)]),
        ],
        footer=f"{evaluation.schema_version}, {evaluation.provenance.created}",
    )  # fmt: skip


def evaluation_summary(evaluation: Evaluation) -> Document:
    """What matters most, for a terminal."""
    frontiers = [tables.frontier_table(frontier) for frontier in evaluation.frontiers[:1]]
    return Document(
        title=evaluation.task,
        subtitle=subtitle(evaluation),
        headline=headline(evaluation),
        sections=[
            Section("Strategies", [tables.cells_table(evaluation)]),
            Section("Predicted on slices", [replace(tables.costs_table(evaluation), whole=False)]),
            Section("Attempts", [tables.attempts_table(evaluation)]),
            *(Section(table.caption, [table]) for table in frontiers),
            Section("Against best of N", [tables.baseline_table(evaluation, _BASELINES)]),
            Section("", [Bullets(notes(evaluation))]),
        ],
    )


def evaluation_cell(evaluation: Evaluation) -> Document:
    """What a notebook's cell shows: the report's tables, folded but for the first."""
    first, *others = evaluation_document(evaluation).tables()
    folded = [Details(table.caption, [table]) for table in others]
    lead: list[Block] = [first, *folded, Bullets(notes(evaluation))]
    return replace(evaluation_summary(evaluation), lead=lead, sections=[])


def _accuracy(evaluation: Evaluation) -> Section:
    """Against the budget of thought, and against the number of attempts."""
    rate = evaluation.guess_rate
    curves = [attempts_chart(cell, rate) for cell in evaluation.cells]
    blocks: list[Block] = [
        *drawn([budget_chart(evaluation)]),
        Beside(drawn(curves)),
        tables.attempts_table(evaluation),
    ]
    return Section("Accuracy against budget and attempts", blocks, "accuracy")


def _frontiers(evaluation: Evaluation) -> Section:
    blocks: list[Block] = []
    for frontier in evaluation.frontiers:
        blocks += drawn([frontier_chart(frontier, evaluation.optimal)])
        blocks.append(tables.frontier_table(frontier))
    return Section("Accuracy against cost", blocks, "frontier")


def subtitle(evaluation: Evaluation) -> str:
    """Model and sizes."""
    limit = [f"at most {evaluation.limit} per question"] if evaluation.limit else []
    return ", ".join(
        [
            f"{evaluation.model} ({units.parameters(evaluation.parameters)}, "
            f"{evaluation.dtype_words})",
            units.plural(evaluation.problems, "problem"),
            f"{evaluation.batch} per batch",
            *limit,
        ]
    )


def notes(evaluation: Evaluation) -> list[str]:
    """Notes, what the choice by level reached, and how to read intervals."""
    optimal = evaluation.optimal
    reached = [f"{optimal.said} Difficulty: {optimal.difficulty}."] if optimal else []
    budgets = [BUDGETS] if any(cell.budget is not None for cell in evaluation.cells) else []
    return [*evaluation.notes, *budgets, *reached, INTERVALS]
