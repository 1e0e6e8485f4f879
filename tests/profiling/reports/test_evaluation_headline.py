"""The first sentences of an evaluation agree with its tables, whatever is in them."""

import random
import re

from real_records import real_evaluation

from rooflink.profiling.records.evaluation import Estimate, Evaluation, Frontier, Option
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.sections import evaluation_tables as tables
from rooflink.profiling.reports.sections.evaluation_document import headline

RECORDS = 500


def option(label: str, cost: float, low: float, accuracy: float, high: float) -> Option:
    return Option(label=label, cost=cost, accuracy=accuracy, low=low, high=high,
                  on_frontier=True, points_per_cost=None)  # fmt: skip


def with_options(*frontiers: tuple[str | None, list[Option]]) -> Evaluation:
    """The evaluation with these ways to answer: dollars on each slice; None is counted FLOPs."""
    made = [
        Frontier(kind="usd" if slice_ else "flops", slice=slice_, options=options)
        for slice_, options in frontiers
    ]
    return real_evaluation().model_copy(update={"frontiers": made})


def random_evaluation(dice: random.Random) -> Evaluation:
    names = [f"way {n}" for n in range(dice.randint(1, 9))]
    accuracies = {}
    for name in names:
        low, middle, high = sorted(dice.choice((0.0, dice.random())) for _ in range(3))
        accuracies[name] = (low, middle, high)
    slices = dice.choice([(None,), ("v5e:1x1",), (None, "v5e:1x1", "v6e:1x1")])
    return with_options(
        *(
            (name, [option(way, 10 ** dice.uniform(-7, 1), *accuracies[way]) for way in names])
            for name in slices
        )
    )


def named(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found and found.group(1)


def test_the_best_is_the_best_and_the_cheapest_the_cheapest() -> None:
    dice = random.Random(1)
    for _ in range(RECORDS):
        evaluation = random_evaluation(dice)
        rows, text = rows_of(tables.options_table(evaluation.frontiers)), headline(evaluation)
        priced = [row for row in rows if row["cost_in"] == "usd"] or rows
        most = max(row["right"] for row in priced)
        if not most:
            assert "No way" in text
            continue
        best = named(r"Most accurate: '([^']*)'", text)
        assert most in {row["right"] for row in priced if row["way"] == best}
        cheapest = named(r"cheapest from '([^']*)'", text) or best
        paid = {
            row["way"]: min(r["cost"] / r["right"] for r in priced if r["way"] == row["way"])
            for row in priced
            if row["right"]
        }
        assert paid[cheapest] == min(paid.values())
        assert ("may be as cheap" in text) == any(
            row["cost"] / row["right_high"] <= first["cost"] / first["right_low"]
            if first["right_low"]
            else True
            for first in priced
            if first["right"] and first["cost"] / first["right"] == paid[cheapest]
            for row in priced
            if row["right"] and row["way"] != cheapest
        )


def test_a_cheaper_way_within_the_interval_is_named() -> None:
    ways = [
        option("one sample", 1.0, 0.2, 0.25, 0.4),
        option("majority of 16", 10.0, 0.7, 0.8, 0.9),
        option("majority of 32", 20.0, 0.88, 0.93, 0.97),
    ]
    text = headline(with_options(("v5e:1x1", ways)))
    assert "Most accurate: 'majority of 32', right on 93.0 % (88.0 to 97.0 %)" in text
    assert (
        "for 2.0 times less, 'majority of 16' is right on 80.0 %: their intervals overlap" in text
    )
    assert "Correct answers are cheapest from 'one sample': $4.00 per correct answer" in text


def test_nothing_evaluated_and_nothing_right() -> None:
    assert headline(real_evaluation().model_copy(update={"cells": []})) == "Nothing was evaluated."
    text = headline(with_options((None, [option("wrong", 1.0, 0.0, 0.0, 0.1)])))
    assert text == "No way to answer was right on any of the 8 problems."


def test_without_costs_votes_count_too() -> None:
    evaluation = real_evaluation()
    sampled = next(cell for cell in evaluation.cells if len(cell.attempts) > 1)
    sure = Estimate(value=1.0, low=0.9, high=1.0)
    point = sampled.attempts[-1].model_copy(update={"majority": sure})
    cell = sampled.model_copy(update={"attempts": [point]})
    text = headline(evaluation.model_copy(update={"cells": [cell], "frontiers": []}))
    assert text.startswith(f"Most accurate: the majority of {point.k} of '{cell.label}', right on")
