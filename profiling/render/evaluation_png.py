"""Accuracy against cost, and against attempts, as PNG bytes side by side for TensorBoard.

Drawn with matplotlib's objects and the Agg canvas alone, as roofline_png does.
"""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..record.evaluation import Cell, Evaluation
from ..record.evaluation_choice import Frontier
from .evaluation_text import guessed
from .plot_attempts import CURVES
from .plot_frontier import WORDS

_COLOURS, _OTHER = ("#2f66b0", "#cc5a1a", "#7d4aa8"), "#b3b0a8"


def evaluation_png(evaluation: Evaluation) -> bytes | None:
    """The image; None where there is nothing to draw."""
    sampled = [cell for cell in evaluation.cells if len(cell.attempts) > 1]
    panels = len(evaluation.frontiers) + len(sampled)
    if not panels:
        return None
    drawn = Figure(figsize=(6.4 * panels, 5), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(drawn)
    for index, frontier in enumerate(evaluation.frontiers):
        _frontier(drawn.add_subplot(1, panels, index + 1), frontier)
    for index, cell in enumerate(sampled, len(evaluation.frontiers)):
        _attempts(drawn.add_subplot(1, panels, index + 1), cell, evaluation.guess_rate)
    stream = BytesIO()
    canvas.print_png(stream)
    return stream.getvalue()


def _frontier(axes: Axes, frontier: Frontier) -> None:
    _frame(axes, WORDS[frontier.kind] + (f", {frontier.slice}" if frontier.slice else ""))
    for on, colour in ((False, _OTHER), (True, _COLOURS[0])):
        shown = [option for option in frontier.options if option.on_frontier == on]
        costs = [option.cost for option in shown]
        axes.vlines(costs, [o.low for o in shown], [o.high for o in shown], color=colour, alpha=0.4)
        axes.plot(costs, [o.accuracy for o in shown], "o", ms=4, color=colour)
    best = [option for option in frontier.options if option.on_frontier]
    axes.step([o.cost for o in best], [o.accuracy for o in best], where="post", color=_COLOURS[0])


def _attempts(axes: Axes, cell: Cell, guess_rate: float | None) -> None:
    _frame(axes, "attempts k")
    axes.set_title(cell.label.replace("$", r"\$"), fontsize=10)
    for (field, label), colour in zip(CURVES, _COLOURS, strict=True):
        known = [(p.k, found) for p in cell.attempts if (found := getattr(p, field)) is not None]
        ks = [k for k, _ in known]
        axes.plot(ks, [found.value for _, found in known], "o-", ms=3, color=colour, label=label)
        axes.fill_between(
            ks, [f.low for _, f in known], [f.high for _, f in known], color=colour, alpha=0.14
        )
    if guess_rate:
        ks = [point.k for point in cell.attempts]
        axes.plot(ks, [guessed(guess_rate, k) for k in ks], ":", color="#5b626a", label="k guesses")
    axes.legend(frameon=False, fontsize=9)


def _frame(axes: Axes, label: str) -> None:
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(label.replace("$", r"\$"))
    axes.set_ylabel("right")
    axes.grid(color="#eceae4")
    axes.spines[["top", "right"]].set_visible(False)
