"""Reports of evaluations: every table and drawing, from a log that holds them all."""

import xml.etree.ElementTree as ET
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from rooflink.profiling.evaluation.attempts_log import AttemptsLog, LoggedAttempt
from rooflink.profiling.evaluation.logged import LogRequest, evaluate_log
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.records.evaluation import (
    Baseline,
    Cell,
    Estimate,
    Evaluation,
    Frontier,
    Optimal,
    OptimalPoint,
    Option,
)
from rooflink.profiling.render import units
from rooflink.profiling.render.evaluation_console import show_evaluation
from rooflink.profiling.render.evaluation_events import evaluation_scalars
from rooflink.profiling.render.evaluation_pages import evaluation_html, evaluation_markdown
from rooflink.profiling.render.evaluation_plots import evaluation_plots
from rooflink.profiling.render.evaluation_png import evaluation_png
from rooflink.profiling.render.evaluation_report import write_evaluation
from rooflink.profiling.render.evaluation_text import accuracy_text, guessed
from rooflink.tpu_configs.slice import parse_slice


def option(label: str, cost: float, accuracy: float) -> Option:
    return Option(
        label=label, cost=cost, accuracy=accuracy, low=accuracy - 0.1, high=accuracy + 0.1,
        on_frontier=True, points_per_cost=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    tried = [
        LoggedAttempt(
            problem=f"p{p}", strategy="<b>samples</b>", expected="1",
            answer=str((a + (p > 1)) % (p + 1)), prompt_tokens=30, completion_tokens=20,
            score=a / 4, usd=0.01, level=p % 2,
        )
        for p in range(6)
        for a in range(4)
    ]  # fmt: skip
    found = evaluate_log(
        LogRequest(AttemptsLog(tried), named_shape("llama3-8b"), [parse_slice("v5e-4")])
    )
    (cell,) = found.cells
    budgets = [cell.model_copy(update={"budget": budget, "attempts": []}) for budget in (4, 8)]
    frontier = Frontier(
        kind="flops", slice=None, options=[option("a", 1e6, 0.3), option("b", 5e6, 0.8)]
    )
    optimal = Optimal(
        difficulty="levels of the task",
        points=[
            OptimalPoint(budget_flops=f, flops=f, accuracy=a, chosen={"1": ["a", "b"]})
            for f, a in ((1e6, 0.4), (4e6, 0.7))
        ],
        baselines=[Baseline(label="best of 8", flops=8e6, accuracy=0.7, reached_flops=4e6)],
        said="It was reached.",
    )
    return found.model_copy(
        update={"cells": [cell, *budgets], "frontiers": [frontier], "optimal": optimal,
                "guess_rate": 0.1}
    )  # fmt: skip


def test_every_drawing_is_well_formed(evaluation: Evaluation) -> None:
    drawn = evaluation_plots(evaluation)
    assert [name.rstrip("0123456789-") for name, _, _ in drawn] == [
        "budget",
        "frontier-flops",
        "attempts",
    ]
    for _, _, svg in drawn:
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg")
        assert "nan" not in svg.lower()


def test_the_guesses_are_on_the_attempts_plot(evaluation: Evaluation) -> None:
    (attempts,) = [
        svg for name, _, svg in evaluation_plots(evaluation) if name.startswith("attempts")
    ]
    assert "k guesses" in attempts
    assert guessed(0.1, 2) == pytest.approx(0.19)
    without = evaluation.model_copy(update={"guess_rate": None})
    assert "k guesses" not in "".join(svg for _, _, svg in evaluation_plots(without))


def test_reports_say_what_the_record_holds(evaluation: Evaluation) -> None:
    for page in (evaluation_markdown(evaluation), evaluation_html(evaluation)):
        for words in (
            "Compute-optimal choice", "best of 8", units.ratio(2), "It was reached.",
            "On v5e:2x2", "Right by difficulty", "Frontier in FLOPs",
        ):  # fmt: skip
            assert words in page, words
    assert "<b>samples" not in evaluation_html(evaluation)


def test_the_console_shows_all_columns_in_a_narrow_terminal(evaluation: Evaluation) -> None:
    stream = StringIO()
    show_evaluation(evaluation, Console(file=stream, width=72))
    assert "$ a correct answer" in stream.getvalue()


def test_scalars_have_attempts_as_their_step(evaluation: Evaluation) -> None:
    found = list(evaluation_scalars(evaluation))
    cell: Cell = evaluation.cells[0]
    passes = {step: value for name, value, step in found if name.endswith("/pass")}
    assert passes == {point.k: point.coverage.value for point in cell.attempts}
    assert any(
        name.startswith("predicted/v5e_2x2") or "predicted/v5e" in name for name, *_ in found
    )


def test_the_image_and_the_folder(evaluation: Evaluation, tmp_path: Path) -> None:
    image = evaluation_png(evaluation)
    assert image is not None
    assert image.startswith(b"\x89PNG")
    write_evaluation(evaluation, tmp_path)
    read = Evaluation.model_validate_json((tmp_path / "evaluation.json").read_text())
    assert read == evaluation
    ET.parse(tmp_path / "budget.svg")


def test_accuracy_in_words() -> None:
    assert accuracy_text(Estimate(value=0.825, low=0.681, high=0.913)) == "82.5 % (68.1 to 91.3)"
