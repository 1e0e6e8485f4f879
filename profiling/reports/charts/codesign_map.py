"""Map of what bounds a decode step, by tokens of context and sequences on the slice.

Each kind of region has its own lightness, strokes of its own, a line about it and its name in it,
so that the map reads in grey. HBM-bound steps are parted by what they mostly read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, product

from ...records.codesign import BoundMap, CodesignCase
from .. import theme, units
from ..codesign_words import case_name
from ..document import Chart, Spec, slug
from . import chart_parts as kit
from .chart_parts import alt

HEIGHT = 300
FULL, WEIGHTS, KV = "does not fit", "HBM: weights", "HBM: KV"
LABELS = {"compute": "compute", "links": "links", "overhead": "overhead",
          "on-chip": "on-chip memory"}  # fmt: skip
KINDS = (WEIGHTS, KV, *LABELS.values(), FULL)
STROKES = {  # as paths about a cell's middle
    "links": "M-1,1L1,-1",
    "overhead": "M-1,-1L1,1",
    "on-chip memory": "M-1,0L1,0",
    FULL: "M-1,-1L1,1M-1,1L1,-1",
}
_CELL = 17  # pixels of a cell across, about
_TINTS = {WEIGHTS: "map-0", KV: "map-1", "compute": "map-2", "links": "map-4", "overhead": "map-3",
          "on-chip memory": "map-5", FULL: "map-4"}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """Like cells beside each other in a row: columns from `start` to before `end`."""

    row: int
    start: int
    end: int
    kind: str


def bound_maps(case: CodesignCase) -> list[Chart]:
    """A map for each number of attempts that share a prompt."""
    return [_map(case, grid) for grid in case.bound_maps if grid.contexts and grid.batches]


def _map(case: CodesignCase, grid: BoundMap) -> Chart:
    return Chart(
        name=f"map-{slug(case_name(case))}-{grid.attempts:g}",
        title=_title(grid),
        note="predicted, at the calibration's mode",
        alt=_description(grid),
        draw=lambda: _draw(case, grid),
        half=True,
    )


def kind(chart: BoundMap, row: int, column: int) -> str:
    """What the cell at batch `row` and context `column` is drawn as."""
    if not chart.fits[row][column]:
        return FULL
    bound = chart.bound[row][column]
    if bound == "memory":
        return KV if chart.kv_share[row][column] > 0.5 else WEIGHTS
    return LABELS[bound]


def runs(chart: BoundMap) -> list[Run]:
    """Every row as runs of like cells."""
    made = []
    for row in range(len(chart.batches)):
        cells = [(kind(chart, row, column), column) for column in range(len(chart.contexts))]
        for name, group in groupby(cells, lambda cell: cell[0]):
            columns = [column for _, column in group]
            made.append(Run(row, columns[0], columns[-1] + 1, name))
    return made


def named(every: Sequence[Run]) -> list[Run]:
    """Of each kind the run that its name stands in: wide enough, nearest to the kind's middle."""
    made = []
    for name in dict.fromkeys(run.kind for run in every):
        own = [run for run in every if run.kind == name]
        wide = [r for r in own if (r.end - r.start) * _CELL >= len(name) * kit.CHARACTER + 8]
        cells = sum(run.end - run.start for run in own)
        middle = sum(run.row * (run.end - run.start) for run in own) / cells
        if wide:
            made.append(min(wide, key=lambda r: (abs(r.row - middle), r.start - r.end)))
    return made


def _draw(case: CodesignCase, chart: BoundMap) -> Spec:
    across, up = _edges(chart.contexts), _edges(chart.batches)
    every = runs(chart)
    present = [name for name in KINDS if any(run.kind == name for run in every)]
    axes = [alt.Axis(title=title, format=",d", tickCount=5, grid=False)
            for title in ("tokens cached by each sequence", "sequences on the slice")]  # fmt: skip
    x, y = kit.x_axis(axes[0], [across[0], across[-1]]), kit.y_axis(axes[1], [up[0], up[-1]])
    tints = [theme.colour(_TINTS[name]) for name in present]
    colour = alt.Color("kind:N", legend=None, scale=kit.colours(present, tints))
    rows = [
        {"x": across[r.start], "x2": across[r.end], "y": up[r.row], "y2": up[r.row + 1],
         "kind": r.kind, "bound by": r.kind,
         "context": f"{units.count(chart.contexts[r.start])} to "
                    f"{units.count(chart.contexts[r.end - 1])} tokens",
         "sequences": units.count(chart.batches[r.row])}
        for r in every
    ]  # fmt: skip
    layers = [
        alt.Chart(kit.data(rows)).mark_rect()
        .encode(x=x, x2="x2:Q", y=y, y2="y2:Q", color=colour,
                tooltip=kit.tips("bound by", "context", "sequences")),
        _hatching(chart, every),
        _borders(chart, across, up),
        _names(chart, every),
        *_own_way(case, chart, across, up),
    ]  # fmt: skip
    return kit.layered(layers, HEIGHT)


def _edges(values: Sequence[float]) -> list[float]:
    """Ends of cells whose middles are `values`, on a logarithmic axis."""
    half = (values[1] / values[0]) ** 0.5 if len(values) > 1 else 2.0
    return [values[0] / half, *(value * half for value in values)]


def _hatching(chart: BoundMap, every: Sequence[Run]) -> "alt.Chart":
    """Strokes in every other cell, but for where a name stands."""
    under = {cell for run in named(every) for cell in _under_name(run)}
    rows = [
        {"x": chart.contexts[column], "y": chart.batches[run.row], "kind": run.kind}
        for run in every
        if run.kind in STROKES
        for column in range(run.start, run.end)
        if (column + run.row) % 2 == 0 and (run.row, column) not in under
    ]
    shape = alt.Shape("kind:N", legend=None, scale=kit.colours([*STROKES], [*STROKES.values()]))
    mark = alt.Chart(kit.data(rows)).mark_point(
        filled=False, size=40, strokeWidth=1, stroke=theme.colour("hatch"), opacity=1, tooltip=None
    )
    return mark.encode(x="x:Q", y="y:Q", shape=shape)


def _under_name(run: Run) -> list[tuple[int, int]]:
    """Cells (row, column) that the run's name covers."""
    half = len(run.kind) * kit.CHARACTER / _CELL / 2 + 1
    middle = (run.start + run.end - 1) / 2
    return [(run.row, at) for at in range(run.start, run.end) if abs(at - middle) < half]


def _borders(chart: BoundMap, across: Sequence[float], up: Sequence[float]) -> "alt.Chart":
    """A line wherever two cells differ."""
    rows = []
    for row, column in product(range(len(chart.batches)), range(len(chart.contexts))):
        here = kind(chart, row, column)
        left, right, low, high = across[column], across[column + 1], up[row], up[row + 1]
        if column + 1 < len(chart.contexts) and kind(chart, row, column + 1) != here:
            rows.append({"x": right, "x2": right, "y": low, "y2": high})
        if row + 1 < len(chart.batches) and kind(chart, row + 1, column) != here:
            rows.append({"x": left, "x2": right, "y": high, "y2": high})
    rules = alt.Chart(kit.data(rows)).mark_rule(color=theme.colour("ink"), strokeWidth=1)
    return rules.encode(x="x:Q", x2="x2:Q", y="y:Q", y2="y2:Q")


def _names(chart: BoundMap, every: Sequence[Run]) -> "alt.Chart":
    """Each kind's name in its region."""
    rows = [
        {"x": (chart.contexts[r.start] * chart.contexts[r.end - 1]) ** 0.5,
         "y": chart.batches[r.row], "text": r.kind,
         "ink": theme.colour("on-light" if r.kind == "compute" else "ink")}
        for r in named(every)
    ]  # fmt: skip
    words = alt.Chart(kit.data(rows)).mark_text(fontWeight="bold", tooltip=None)
    return words.encode(x="x:Q", y="y:Q", text="text:N", color=alt.Color("ink:N", scale=None))


def _own_way(
    case: CodesignCase, chart: BoundMap, across: Sequence[float], up: Sequence[float]
) -> "list[alt.Chart]":
    """The workload's own way through the map, from its prompt to the end of its answer."""
    run = case.prediction
    start, y = run.prompt_tokens, run.sequences
    end = start + run.think_tokens + run.answer_tokens
    inside = across[0] <= start and end <= across[-1] and up[0] <= y <= up[-1]
    if abs(run.attempts - chart.attempts) > 0.5 or not inside:
        return []
    told = {"workload": f"this one: {units.count(start)} to {units.count(end)} tokens cached"}
    line = alt.Chart(kit.data([{"x": start, "x2": end, "y": y, **told}]))
    ends = alt.Chart(kit.data([{"x": start, "y": y, "end": 0, **told},
                           {"x": end, "y": y, "end": 1, **told}]))  # fmt: skip
    tint = theme.colour("loud")
    shape = alt.Shape("end:N", legend=None).scale(domain=[0, 1], range=["circle", "triangle-right"])
    return [
        line.mark_rule(color=tint, strokeWidth=2.5).encode(x="x:Q", x2="x2:Q", y="y:Q"),
        ends.mark_point(filled=True, color=tint, size=90, opacity=1).encode(
            x="x:Q", y="y:Q", shape=shape, tooltip=kit.tips("workload")
        ),
    ]


def _title(chart: BoundMap) -> str:
    if chart.attempts > 1:
        return f"What bounds a decode step, {units.count(chart.attempts)} attempts per prompt"
    return "What bounds a decode step, each sequence with its own prompt"


def _description(chart: BoundMap) -> str:
    every = runs(chart)
    whole = len(chart.batches) * len(chart.contexts)
    shares = "; ".join(
        f"{name} in {units.share(sum(r.end - r.start for r in every if r.kind == name) / whole)}"
        for name in dict.fromkeys(run.kind for run in every)
    )
    return f"Contexts across, sequences upwards, both logarithmic. Of the map: {shares}."
