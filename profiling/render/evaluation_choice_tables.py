"""The tables of options: frontiers, the compute-optimal choice, best of N."""

from collections.abc import Callable

from ..records.evaluation import Estimate, Evaluation, Frontier
from . import amounts, units
from .evaluation_text import accuracy_text, each_text
from .lens import COUNTED, PREDICTED
from .table import Column, Table, from_columns


def frontier_table(frontier: Frontier) -> Table:
    """The options that nothing cheaper beats, and what a further point of accuracy cost."""
    said: Callable[[float], str] = units.flops if frontier.kind == "flops" else amounts.usd
    shown = [option for option in frontier.options if option.on_frontier]
    where = f" in $ on {frontier.slice}" if frontier.slice else " in FLOPs"
    lens = PREDICTED if frontier.slice else COUNTED
    each = [1 / o.points_per_cost if o.points_per_cost else None for o in shown]
    return from_columns(
        f"Frontier{where}",
        [
            (Column("option", numeric=False), [option.label for option in shown]),
            (Column("cost a query", lens), [said(option.cost) for option in shown]),
            (
                Column("right (95 %)"),
                [accuracy_text(Estimate(value=o.accuracy, low=o.low, high=o.high)) for o in shown],
            ),
            (Column("for one point more", lens), each_text(each, said)),
        ],
    )


def optimal_table(evaluation: Evaluation) -> Table:
    """The choice at each budget of FLOPs, on problems that it never saw."""
    optimal = evaluation.optimal
    rows = [
        [
            units.flops(point.budget_flops),
            units.flops(point.flops),
            units.share(point.accuracy),
            "; ".join(
                f"{level}: {' or '.join(dict.fromkeys(labels))}"
                for level, labels in point.chosen.items()
            ),
        ]
        for point in (optimal.points if optimal else ())
    ]
    columns = [
        Column("budget a query", COUNTED), Column("spent", COUNTED), Column("right, unseen half"),
        Column("chosen by level", numeric=False),
    ]  # fmt: skip
    return Table("Compute-optimal choice", columns, rows)


def baseline_table(evaluation: Evaluation) -> Table:
    """Best of N, and how much less compute the choice needs for as much."""
    optimal = evaluation.optimal
    rows = [
        [
            each.label,
            units.flops(each.flops),
            units.share(each.accuracy),
            units.flops(each.reached_flops) if each.reached_flops else "never",
            units.ratio(each.times_less) if each.times_less else "",
        ]
        for each in (optimal.baselines if optimal else ())
    ]
    columns = [
        Column("the same for every problem", numeric=False), Column("FLOPs a query", COUNTED),
        Column("right"), Column("the choice reaches it at", COUNTED), Column("less compute"),
    ]  # fmt: skip
    return Table("Against best of N", columns, rows)
