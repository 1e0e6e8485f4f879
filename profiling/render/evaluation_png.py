"""Accuracy against the budget of thought, cost and attempts, as figures and as PNG bytes.

Drawn with matplotlib's objects and the Agg canvas alone, as roofline_png does.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..records.evaluation import Cell, Evaluation, Frontier, Option
from .evaluation_text import guessed
from .plot_attempts import CURVES
from .plot_budget import curves_of
from .plot_frontier import WORDS
from .tags import tag

_COLOURS, _OTHER = ("#2f66b0", "#bd5216", "#7d4aa8", "#0d8a86", "#8a6810", "#b83b73"), "#b3b0a8"
_GUESS = "#5b626a"
_NAME_HEIGHT = 0.05  # of the axes, for a name of an option and a gap

Panel = Callable[[Axes], None]


def evaluation_png(evaluation: Evaluation) -> bytes | None:
    """All panels side by side; None where there is nothing to draw."""
    panels = [*budget_panels(evaluation), *frontier_panels(evaluation.frontiers)]
    panels += attempts_panels(evaluation)
    return _png(panels) if panels else None


def evaluation_images(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """(tag, PNG) of each panel, for TensorBoard's image tab."""
    for panel in budget_panels(evaluation):
        yield "budget", _png([panel])
    frontiers = evaluation.frontiers
    for frontier, panel in zip(frontiers, frontier_panels(frontiers), strict=True):
        name = f"{frontier.kind} {frontier.slice}" if frontier.slice else frontier.kind
        yield f"frontier/{tag(name)}", _png([panel])
    for cell, panel in zip(sampled(evaluation), attempts_panels(evaluation), strict=True):
        yield f"attempts/{tag(cell.label)}", _png([panel])


def _png(panels: Sequence[Panel]) -> bytes:
    stream = BytesIO()
    FigureCanvasAgg(figure_of(panels)).print_png(stream)
    return stream.getvalue()


def figure_of(panels: Sequence[Panel]) -> Figure:
    """The panels side by side."""
    drawn = Figure(figsize=(6.4 * len(panels), 5), dpi=100, layout="constrained")
    for index, draw in enumerate(panels):
        draw(drawn.add_subplot(1, len(panels), index + 1))
    return drawn


def budget_panels(evaluation: Evaluation) -> list[Panel]:
    """Accuracy against the budget of thought; none where no strategy has two budgets."""
    several = any(len(cells) > 1 for cells in curves_of(evaluation).values())
    return [partial(_budgets, evaluation=evaluation)] if several else []


def frontier_panels(frontiers: Sequence[Frontier]) -> list[Panel]:
    """One for each kind of cost."""
    return [partial(_frontier, frontier=each) for each in frontiers]


def attempts_panels(evaluation: Evaluation) -> list[Panel]:
    """One for each of the cells that are `sampled`."""
    rate = evaluation.guess_rate
    return [partial(_attempts, cell=each, guess_rate=rate) for each in sampled(evaluation)]


def sampled(evaluation: Evaluation) -> list[Cell]:
    """Cells of samples with two numbers of attempts at least."""
    return [cell for cell in evaluation.cells if len(cell.attempts) > 1]


def _budgets(axes: Axes, evaluation: Evaluation) -> None:
    _frame(axes, "tokens of thought at most")
    for index, (name, cells) in enumerate(curves_of(evaluation).items()):
        colour = _COLOURS[index % len(_COLOURS)]
        budgets, right = [n for n, _ in cells], [cell.accuracy for _, cell in cells]
        axes.vlines(budgets, [r.low for r in right], [r.high for r in right], color=colour,
                    alpha=0.4)  # fmt: skip
        axes.plot(budgets, [r.value for r in right], "o-", ms=4, color=colour, label=_plain(name))
    if evaluation.guess_rate:
        axes.axhline(evaluation.guess_rate, ls=":", color=_GUESS, label="a guess")
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=9)


def _frontier(axes: Axes, frontier: Frontier) -> None:
    _frame(axes, WORDS[frontier.kind] + (f", {frontier.slice}" if frontier.slice else ""), "log")
    for on, colour in ((False, _OTHER), (True, _COLOURS[0])):
        shown = [option for option in frontier.options if option.on_frontier == on]
        costs = [option.cost for option in shown]
        axes.vlines(costs, [o.low for o in shown], [o.high for o in shown], color=colour, alpha=0.4)
        axes.plot(costs, [o.accuracy for o in shown], "o", ms=4, color=colour)
    best = [option for option in frontier.options if option.on_frontier]
    axes.step([o.cost for o in best], [o.accuracy for o in best], where="post", color=_COLOURS[0])
    _names(axes, best)


def _names(axes: Axes, best: Sequence[Option]) -> None:
    """Left of each frontier option, where there can be no other, and right of the cheapest; the
    most accurate ones first, and none that would lie on another."""
    taken: list[float] = []
    for option in reversed(best):
        if all(abs(option.accuracy - at) > _NAME_HEIGHT for at in taken):
            place, side = ((6, -10), "left") if option is best[0] else ((-6, 4), "right")
            axes.annotate(
                option.label, (option.cost, option.accuracy), place, ha=side, fontsize=8,
                textcoords="offset points", parse_math=False,
            )  # fmt: skip
            taken.append(option.accuracy)


def _attempts(axes: Axes, cell: Cell, guess_rate: float | None) -> None:
    _frame(axes, "attempts k", "log")
    axes.set_title(_plain(cell.label), fontsize=10)
    for (field, label), colour in zip(CURVES, _COLOURS, strict=False):
        known = [(p.k, found) for p in cell.attempts if (found := getattr(p, field)) is not None]
        ks = [k for k, _ in known]
        axes.plot(ks, [found.value for _, found in known], "o-", ms=3, color=colour, label=label)
        axes.fill_between(
            ks, [f.low for _, f in known], [f.high for _, f in known], color=colour, alpha=0.14
        )
    ks = [point.k for point in cell.attempts]
    if guess_rate:
        axes.plot(ks, [guessed(guess_rate, k) for k in ks], ":", color=_GUESS, label="k guesses")
    twos = [k for k in ks if k & (k - 1) == 0]
    axes.set_xticks(twos, [str(k) for k in twos])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)


def _frame(axes: Axes, label: str, scale: str = "linear") -> None:
    axes.set_xscale(scale)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(_plain(label))
    axes.set_ylabel("right")
    axes.grid(color="#eceae4")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """Text in which matplotlib finds no mathematics."""
    return text.replace("$", r"\$")
