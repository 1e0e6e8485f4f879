"""Coverage, majority and best by score against attempts, beside k random guesses."""

from ..records.evaluation import AttemptsPoint, Cell, Estimate
from . import svg
from .evaluation_text import accuracy_text, guessed
from .scale import Linear, Log, spaced

WIDTH, HEIGHT = 508, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 130, 40, 52
CURVES = (("coverage", "pass@k"), ("majority", "majority@k"), ("best", "best of k"))


def attempts_plot(cell: Cell, guess_rate: float | None, name: str) -> str:
    """The drawing; empty where fewer than two numbers of attempts are known."""
    points = cell.attempts
    if len(points) < 2:
        return ""
    x = Log(points[0].k, points[-1].k, LEFT, WIDTH - RIGHT)
    y = Linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    ticks = [float(point.k) for point in points if _round(point.k)]
    body = [
        svg.y_axis(y, LEFT, "right", _percent, x.end),
        svg.x_axis(x, y.start, "attempts k", "{:.0f}".format, ticks=ticks),
    ]
    labels = []
    for index, (field, label) in enumerate(CURVES):
        known = [(p, found) for p in points if (found := getattr(p, field)) is not None]
        if known:
            body += _curve(known, x, y, index, label)
            labels.append((y(known[-1][1].value), label, f"series-{index}"))
    if guess_rate:
        guesses = [(x(p.k), y(guessed(guess_rate, p.k))) for p in points]
        body.append(svg.path(guesses, "guess"))
        labels.append((guesses[-1][1], "k guesses", "guess-label"))
    body += _labels(labels, x.end + 10)
    description = "; ".join(
        f"{point.k} attempts: any right {accuracy_text(point.coverage)}" for point in points
    )
    return svg.figure(name, WIDTH, HEIGHT, f"Attempts: {cell.label}", description, "".join(body))


def _curve(
    known: list[tuple[AttemptsPoint, Estimate]], x: Log, y: Linear, index: int, label: str
) -> list[str]:
    low = [(x(p.k), y(found.low)) for p, found in known]
    high = [(x(p.k), y(found.high)) for p, found in known]
    line = [(x(p.k), y(found.value)) for p, found in known]
    dots = [
        svg.circle(*at, 3.0, f"dot-{index}", f"{label}, k = {p.k}: {accuracy_text(found)}")
        for at, (p, found) in zip(line, known, strict=True)
    ]
    return [
        svg.path([*low, *reversed(high)], f"band-{index}", closed=True),
        svg.path(line, f"line-{index}"),
        *dots,
    ]


def _labels(labels: list[tuple[float, str, str]], x: float) -> list[str]:
    """Beside the ends of the curves, moved apart where they meet."""
    places = spaced([at for at, _, _ in labels], 16.0, TOP, HEIGHT - BOTTOM)
    return [
        svg.text(x, place + 4, label, f"label {class_}")
        for place, (_, label, class_) in zip(places, labels, strict=True)
    ]


def _round(k: int) -> bool:
    """Powers of two and of ten: ticks that do not touch."""
    return k & (k - 1) == 0 or k in (10, 100, 1000)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
