"""Crossover map: what bounds a decode step, over the context and the sequences of a batch.

Each kind of region has its own lightness and its own hatching, a line about it and its name in it,
so that the map reads in grey. HBM-bound steps are parted by what they mostly read.
"""

from collections.abc import Callable

from ..records.codesign import BoundMap, CodesignCase
from . import svg, units
from .plot_codesign_hatch import runs, strokes
from .scale import Log

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 356, 286, 44, 8, 30, 46
FULL, WEIGHTS, KV = "does not fit", "HBM: weights", "HBM: KV"
LABELS = {
    "compute": "compute",
    "links": "links",
    "overhead": "overhead",
    "on-chip": "on-chip memory",
}
KINDS = (WEIGHTS, KV, *LABELS.values(), FULL)
HATCH = {"links": (1, 7.0), "overhead": (-1, 7.0), FULL: (1, 5.0), "on-chip memory": (-1, 11.0)}


def kind(chart: BoundMap, row: int, column: int) -> str:
    """What the cell at batch `row` and context `column` is drawn as."""
    if not chart.fits[row][column]:
        return FULL
    bound = chart.bound[row][column]
    if bound == "memory":
        return KV if chart.kv_share[row][column] > 0.5 else WEIGHTS
    return LABELS[bound]


def kinds_of(case: CodesignCase) -> list[str]:
    """Every kind that a case's maps have, in the legend's order."""
    found = {
        kind(chart, row, column)
        for chart in case.bound_maps
        for row in range(len(chart.batches))
        for column in range(len(chart.contexts))
    }
    return [each for each in KINDS if each in found]


def kind_class(name: str) -> str:
    """CSS class of a kind."""
    return "bound-" + name.replace(":", "").replace(" ", "-").lower()


def bound_map(case: CodesignCase, chart: BoundMap, name: str) -> str:
    """The map; '' for an empty grid."""
    if not chart.contexts or not chart.batches:
        return ""
    x = _scale(chart.contexts, LEFT, WIDTH - RIGHT)
    y = _scale(chart.batches, HEIGHT - BOTTOM, TOP)
    kinds = [
        [kind(chart, row, column) for column in range(len(chart.contexts))]
        for row in range(len(chart.batches))
    ]
    body = [
        *_cells(chart, kinds, x, y),
        *_borders(chart, kinds, x, y),
        *_names(chart, kinds, x, y),
        svg.x_axis(x, y.start, "tokens cached by each sequence", units.count, None,
                   _ticks(chart.contexts, 8)),
        svg.y_axis(y, LEFT, "sequences on the slice", units.count, None, _ticks(chart.batches, 8)),
        _own(case, chart, x, y),
    ]  # fmt: skip
    heading = f"What bounds a decode step, {units.count(chart.attempts)} attempts to a prompt"
    return svg.figure(name, WIDTH, HEIGHT, heading, _description(chart, kinds), "".join(body))


def _scale(values: list[float], start: float, end: float) -> Log:
    """Half a cell beyond the first and last value."""
    if len(values) < 2:
        return Log(values[0] / 2, values[0] * 2, start, end)
    half = (values[1] / values[0]) ** 0.5
    return Log(values[0] / half, values[-1] * half, start, end)


def _ticks(values: list[float], factor: float) -> list[float]:
    """From the first, each so many times the last."""
    found = [values[0]]
    while found[-1] * factor <= values[-1] * 1.001:
        found.append(found[-1] * factor)
    return found


def _edges(values: list[float], scale: Log) -> Callable[[int], tuple[float, float]]:
    """Both ends in pixels of the cell with an index, the smaller first."""
    size = (scale.end - scale.start) / len(values)
    return lambda i: tuple(sorted((scale.start + i * size, scale.start + (i + 1) * size)))  # type: ignore[return-value]


def _cells(chart: BoundMap, kinds: list[list[str]], x: Log, y: Log) -> list[str]:
    """Runs of like cells in a row as one rectangle, then the hatching of each kind as one path."""
    across, down = _edges(chart.contexts, x), _edges(chart.batches, y)
    parts, hatches = [], dict.fromkeys(HATCH, "")
    for row, cells in enumerate(kinds):
        top, bottom = down(row)
        start = 0
        for column in range(1, len(cells) + 1):
            if column < len(cells) and cells[column] == cells[start]:
                continue
            left, right = across(start)[0], across(column - 1)[1]
            name = cells[start]
            parts.append(svg.rect(left, top, right - left, bottom - top + 0.3, kind_class(name)))
            if name in HATCH:
                hatches[name] += strokes(left, right, top, bottom, *HATCH[name])
            start = column
    parts += [svg.element("path", d=d, class_="hatch") for d in hatches.values() if d]
    return parts


def _borders(chart: BoundMap, kinds: list[list[str]], x: Log, y: Log) -> list[str]:
    across, down = _edges(chart.contexts, x), _edges(chart.batches, y)
    drawn = ""
    for row, cells in enumerate(kinds):
        top, bottom = down(row)
        for column, name in enumerate(cells):
            left, right = across(column)
            if column + 1 < len(cells) and cells[column + 1] != name:
                drawn += f"M{right:.1f},{top:.1f}V{bottom:.1f}"
            if row + 1 < len(kinds) and kinds[row + 1][column] != name:
                drawn += f"M{left:.1f},{top:.1f}H{right:.1f}"
    frame = svg.rect(x.start, y.end, x.end - x.start, y.start - y.end, "frame")
    return [frame, svg.element("path", d=drawn, class_="border") if drawn else ""]


def _names(chart: BoundMap, kinds: list[list[str]], x: Log, y: Log) -> list[str]:
    """Each kind's name in the middle of its longest run of cells nearest to its own middle."""
    across, down = _edges(chart.contexts, x), _edges(chart.batches, y)
    parts = []
    for name in dict.fromkeys(cell for cells in kinds for cell in cells):
        found = [run for row, cells in enumerate(kinds) for run in runs(row, cells, name)]
        needed = len(name) * svg.CHARACTER + 12
        wide = [run for run in found if across(run[2] - 1)[1] - across(run[1])[0] >= needed]
        if not wide:
            continue
        cells = sum(end - start for _, start, end in found)
        middle = sum(row * (end - start) for row, start, end in found) / cells
        row, start, end = min(wide, key=lambda run: (abs(run[0] - middle), run[1] - run[2]))
        at, (top, bottom) = (across(start)[0] + across(end - 1)[1]) / 2, down(row)
        class_ = f"label strong region on-{kind_class(name)}"
        parts.append(svg.text(at, (top + bottom) / 2 + 4, name, class_, text_anchor="middle"))
    return parts


def _own(case: CodesignCase, chart: BoundMap, x: Log, y: Log) -> str:
    """The workload's own way through the map, from its prompt to the end of its answer."""
    asked = case.prediction
    start = asked.prompt_tokens
    end = start + asked.think_tokens + asked.answer_tokens
    inside = x.low <= start and end <= x.high and y.low <= asked.sequences <= y.high
    if abs(asked.attempts - chart.attempts) > 0.5 or not inside:
        return ""
    at = y(asked.sequences)
    left, right = x(start), x(end)
    tooltip = f"this workload: {units.count(start)} to {units.count(end)} tokens cached"
    head = [(right, at), (right - 8, at - 4.5), (right - 8, at + 4.5)]
    return svg.group(
        svg.title(tooltip),
        svg.line(left, at, right - 4, at, "way under"),
        svg.line(left, at, right - 4, at, "way"),
        svg.circle(left, at, 4, "way-start"),
        svg.path(head, "way-head", closed=True),
    )


def _description(chart: BoundMap, kinds: list[list[str]]) -> str:
    cells = [cell for row in kinds for cell in row]
    shares = "; ".join(
        f"{name} in {units.share(cells.count(name) / len(cells))} of the map"
        for name in dict.fromkeys(cells)
    )
    return f"Contexts across, sequences upwards, both logarithmic: {shares}."
