"""An evaluation as a report: what was right and what it cost; then every table and chart."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

from ...records.base import Interval
from ...records.evaluation import Evaluation, Frontier, Option
from .. import units
from ..charts.evaluation_charts import attempts_chart, budget_chart, frontier_chart
from ..document import Beside, Block, Bullets, Details, Document, Section, drawn
from ..estimates import cost_lens, interval_of
from . import evaluation_tables as tables
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


class _Way(NamedTuple):
    """A way to answer at one kind of cost."""

    option: Option
    frontier: Frontier

    @property
    def per_correct(self) -> float:
        return self.option.cost / self.option.accuracy

    @property
    def where(self) -> str:
        """' on v5e:1x1, predicted', ', counted'."""
        place = f" on {self.frontier.slice}" if self.frontier.slice else ""
        return f"{place}, {cost_lens(self.frontier)}"

    def cost(self, amount: float, one: str, several: str = "") -> str:
        """'$5.12 per million queries', '9.11 MFLOP per query'."""
        if self.frontier.kind == "flops":
            return f"{units.flops(amount)} per {one}"
        return units.usd_per(amount, one, several)


def headline(evaluation: Evaluation) -> str:
    """Costs are dollars predicted on slices; else those that a log says; else counted FLOPs."""
    if not evaluation.cells:
        return "Nothing was evaluated."
    on_slices = [frontier for frontier in evaluation.frontiers if frontier.slice]
    chosen = on_slices or [f for f in evaluation.frontiers if f.kind == "usd"]
    chosen = chosen or evaluation.frontiers[:1]
    ways = [_Way(option, frontier) for frontier in chosen for option in frontier.options]
    if not ways:
        return _without_costs(evaluation)
    best = max(ways, key=lambda way: (way.option.accuracy, -way.option.cost))
    if not best.option.accuracy:
        return f"No way to answer was right on any of the {evaluation.problems} problems."
    return (
        f"Most accurate: '{best.option.label}', right on {_right(best.option)} of "
        f"{units.plural(evaluation.problems, 'problem')} for "
        f"{best.cost(best.option.cost, 'query', 'queries')}{best.where}{_as_accurate(best)}. "
        f"{_cheapest(ways, best)}"
    )


def _right(option: Option) -> str:
    interval = Interval(median=option.accuracy, low=option.low, high=option.high)
    return units.with_bounds(interval, units.percent)


def _as_accurate(best: _Way) -> str:
    """The cheapest way that the intervals do not tell from the most accurate one."""
    alike = [o for o in best.frontier.options if o.high >= best.option.low]
    least = min(alike, key=lambda option: (option.cost, -option.accuracy))
    if least.cost >= best.option.cost:
        return "; no cheaper way comes within its interval"
    less = f"{units.significant(best.option.cost / least.cost, 2)} times less" if least.cost else 0
    return (
        f"; for {less or 'nothing'}, '{least.label}' is right on {units.percent(least.accuracy)}: "
        "their intervals overlap"
    )


def _cheapest(ways: Sequence[_Way], best: _Way) -> str:
    """The cheapest correct answers, and which other way's accuracy leaves the order open."""
    right = [way for way in ways if way.option.accuracy]
    first, *rest = sorted(right, key=lambda way: (way.per_correct, -way.option.accuracy))
    cost = first.cost(first.per_correct, "correct answer")
    cost += "" if first.frontier == best.frontier else first.where
    if first == best:
        text = f"Its correct answers are the cheapest too: {cost}"
    else:
        text = (
            f"Correct answers are cheapest from '{first.option.label}': {cost}, right on "
            f"{units.percent(first.option.accuracy)}, the most of all ways at that cost or less"
        )
    dearest = first.option.cost / first.option.low if first.option.low else inf
    close = {way.option.label for way in rest if way.option.cost / way.option.high <= dearest}
    others = len(close - {first.option.label})
    return f"{text}{_overlapping(others)}."


def _overlapping(others: int) -> str:
    if not others:
        return ""
    return f"; {units.plural(others, 'other way')} may be as cheap: the intervals overlap"


def _without_costs(evaluation: Evaluation) -> str:
    """The most accurate of what the tables show, where no cost is known."""
    shown = [(f"'{cell.label}'", cell.accuracy) for cell in evaluation.cells]
    for cell in evaluation.cells:
        for point in cell.attempts:
            votes = (("majority", point.majority), ("best by score", point.best))
            shown += [(f"the {kind} of {point.k} of '{cell.label}'", e) for kind, e in votes if e]
    name, estimate = max(shown, key=lambda each: each[1].value)
    right = units.with_bounds(interval_of(estimate), units.percent)
    problems = units.plural(evaluation.problems, "problem")
    return f"Most accurate: {name}, right on {right} of {problems}. No cost is known of any."
