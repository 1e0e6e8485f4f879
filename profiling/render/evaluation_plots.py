"""Every drawing of an evaluation, with a file name and a caption."""

from ..records.evaluation import Evaluation
from .plot_attempts import attempts_plot
from .plot_budget import budget_plot
from .plot_frontier import frontier_plot


def evaluation_plots(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """(name, caption, `<svg>`) of all that have something to draw."""
    drawn = [("budget", "Accuracy against the budget of thought", budget_plot(evaluation))]
    for frontier in evaluation.frontiers:
        place = f" on {frontier.slice}" if frontier.slice else ""
        name = f"frontier-{frontier.kind}{len(drawn)}"
        caption = f"Accuracy against cost{place}; stairs: the frontier"
        if frontier.kind == "flops" and evaluation.optimal:
            caption += "; dashed: the choice by level, on problems it never saw"
        drawn.append((name, caption, frontier_plot(frontier, evaluation.optimal, name)))
    for index, cell in enumerate(evaluation.cells):
        name = f"attempts-{index}"
        caption = f"Attempts: {cell.label}; bands: 95 % over problems; dashed: random guesses"
        drawn.append((name, caption, attempts_plot(cell, evaluation.guess_rate, name)))
    return [each for each in drawn if each[2]]
