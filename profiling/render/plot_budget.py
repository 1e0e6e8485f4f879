"""Accuracy against the budget of thought, a curve for each strategy."""

from ..records.evaluation import Cell, Evaluation
from . import svg
from .evaluation_text import accuracy_text
from .scale import Linear, spaced

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 270, 40, 52
COLOURS = 6


def budget_plot(evaluation: Evaluation) -> str:
    """The drawing; empty where no strategy has two budgets."""
    curves = curves_of(evaluation)
    budgets = sorted({budget for cells in curves.values() for budget, _ in cells})
    if len(budgets) < 2:
        return ""
    x = Linear(0.0, float(budgets[-1]), LEFT, WIDTH - RIGHT)
    y = Linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    body = [
        svg.y_axis(y, LEFT, "right", lambda value: f"{100 * value:.0f} %", x.end),
        svg.x_axis(x, y.start, "tokens of thought at most", "{:.0f}".format),
    ]
    ends = []
    for index, (name, cells) in enumerate(curves.items()):
        colour = index % COLOURS
        line = [(x(float(budget)), y(cell.accuracy.value)) for budget, cell in cells]
        body.append(svg.path(line, f"line-{colour}"))
        for at, (budget, cell) in zip(line, cells, strict=True):
            right = cell.accuracy
            body.append(svg.line(at[0], y(right.low), at[0], y(right.high), f"line-{colour} thin"))
            said = f"{name}, budget {budget}: {accuracy_text(right)}"
            body.append(svg.circle(*at, 3.0, f"dot-{colour}", said))
        ends.append((line[-1][1], name, colour))
    if evaluation.guess_rate:
        level = y(evaluation.guess_rate)
        body.append(svg.path([(x.start, level), (x.end, level)], "guess"))
    places = spaced([at for at, _, _ in ends], 16.0, TOP, HEIGHT - BOTTOM)
    body += [
        svg.text(x.end + 10, place + 4, name, f"label series-{colour}")
        for place, (_, name, colour) in zip(places, ends, strict=True)
    ]
    title = "Accuracy against the budget of thought"
    description = "; ".join(f"{cell.label}: {accuracy_text(cell.accuracy)}"
                            for cells in curves.values() for _, cell in cells)  # fmt: skip
    return svg.figure("budget", WIDTH, HEIGHT, title, description, "".join(body))


def curves_of(evaluation: Evaluation) -> dict[str, list[tuple[int, Cell]]]:
    """Strategy -> its budgets of thought with their cells, least first."""
    curves: dict[str, list[tuple[int, Cell]]] = {}
    for cell in evaluation.cells:
        if cell.budget is not None:
            curves.setdefault(cell.strategy, []).append((cell.budget, cell))
    return {name: sorted(cells, key=lambda each: each[0]) for name, cells in curves.items()}
