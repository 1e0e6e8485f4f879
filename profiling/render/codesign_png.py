"""A co-design report's drawings as figures, and as PNG bytes for TensorBoard's image tab.

Drawn with matplotlib's objects and the Agg canvas alone, as roofline_png does. They carry less
than the page's: whole queries only, no badges.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..records.codesign import (
    BoundMap,
    CodesignCase,
    CodesignReport,
    DataCenter,
    DesignSearch,
    ParetoPoint,
)
from . import units
from .codesign_search_tables import SHARES, budget_text
from .codesign_words import case_name
from .plot_codesign_map import KINDS, kind
from .plot_codesign_pareto import by_correct, money
from .plot_codesign_tornado import QUERY, ranked
from .tags import tag

INK, BAR, SOFT = "#1c2024", "#56657a", "#b3b0a8"
MARKS = ("o", "s", "^", "D", "P", "v")


def codesign_images(report: CodesignReport) -> Iterator[tuple[str, bytes]]:
    """(tag, PNG) of each drawing."""
    for name, figure in codesign_figures(report):
        stream = BytesIO()
        FigureCanvasAgg(figure).print_png(stream)
        yield name, stream.getvalue()


def codesign_figures(report: CodesignReport) -> Iterator[tuple[str, Figure]]:
    """(tag, figure) of each drawing."""
    for case in report.cases:
        yield f"tornado/{tag_of(case)}", tornado_figure(case)
        yield f"roofline/{tag_of(case)}", roofline_figure(case)
        for chart in case.bound_maps:
            drawn = _drawn(partial(_map, case=case, chart=chart))
            yield f"crossovers/{tag_of(case)}_attempts_{chart.attempts:g}", drawn
    for profile in dict.fromkeys(point.profile for point in report.pareto):
        yield f"pareto/{tag(profile)}", pareto_figure(report, profile)
    if report.searches:
        yield f"search/{tag(report.searches[0].model)}", designs_figure(report.searches)
    for center in report.data_centers:
        name = f"power/{tag(center.profile)}_on_{tag(center.slice)}"
        yield name, _drawn(partial(_power, center=center))


def tag_of(case: CodesignCase) -> str:
    """A case as a part of a tag."""
    return f"{tag(case.profile)}_on_{tag(case.prediction.slice)}"


def tornado_figure(case: CodesignCase) -> Figure:
    """What 1 % of each hardware parameter does to the query's time."""
    return _drawn(partial(_tornado, case=case))


def roofline_figure(case: CodesignCase) -> Figure:
    """The phases under the slice's roof, an arrow for each lever."""
    return _drawn(partial(_roofline, case=case))


def pareto_figure(report: CodesignReport, profile: str) -> Figure:
    """A profile's ways to be served: latency against money."""
    points = [point for point in report.pareto if point.profile == profile]
    return _drawn(partial(_pareto, points=points))


def designs_figure(searches: Sequence[DesignSearch]) -> Figure:
    """The best chip for each purpose, its parts as multiples of the chip that is there."""
    return _drawn(partial(_designs, searches=searches))


def _drawn(draw: Callable[[Axes], None]) -> Figure:
    figure = Figure(figsize=(9, 5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    return figure


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=10, parse_math=False)


def _tornado(axes: Axes, case: CodesignCase) -> None:
    rows = [row for row in case.elasticities if row.regime == "memory full"]
    order = ranked(rows)[::-1]
    whole = {r.parameter: r.value for r in rows if (r.phase, r.quantity) == (QUERY, "time")}
    found = [(i, whole[name]) for i, name in enumerate(order) if name in whole]
    words = {each.name: each.words for each in case.parameters}
    axes.barh([i for i, _ in found], [v.median for _, v in found], color=BAR, height=0.6)
    axes.hlines([i for i, _ in found], [v.low for _, v in found], [v.high for _, v in found],
                color=INK)  # fmt: skip
    axes.set_yticks(range(len(order)), [words.get(name, name) for name in order])
    axes.axvline(0, color=INK, lw=1)
    axes.set_xlabel("d log time / d log parameter, predicted")
    _title(axes, f"{case_name(case)}: the query's time, memory full; lines: 80 % intervals")


def _roofline(axes: Axes, case: CodesignCase) -> None:
    roof = case.roofline
    axes.set_xscale("log")
    axes.set_yscale("log")
    low = min([p.intensity for p in roof.points] + [roof.ridge]) / 4
    high = max([p.intensity for p in roof.points] + [roof.ridge]) * 4
    axes.plot([low, roof.ridge, high], [low * roof.memory_bandwidth, roof.peak_flops,
              roof.peak_flops], color=INK)  # fmt: skip
    for lever in case.levers:
        for arrow in lever.arrows:
            axes.annotate(
                "",
                (arrow.end.intensity, arrow.end.flops_per_s),
                (arrow.start.intensity, arrow.start.flops_per_s),
                arrowprops={"arrowstyle": "->", "color": BAR, "lw": 0.8},
            )
    for mark, point in zip(MARKS, roof.points, strict=False):
        axes.plot(point.intensity, point.flops_per_s, mark, color=INK, label=point.phase)
    axes.set_xlabel("FLOP per HBM byte (counted)")
    axes.set_ylabel("FLOP/s a chip (predicted)")
    axes.legend(frameon=False)
    _title(axes, f"{case_name(case)}: datasheet roof, an arrow for each lever")


def _map(axes: Axes, case: CodesignCase, chart: BoundMap) -> None:
    rows, columns = range(len(chart.batches)), range(len(chart.contexts))
    kinds = [[kind(chart, row, column) for column in columns] for row in rows]
    present = [each for each in KINDS if any(each in row for row in kinds)]
    cells = [[KINDS.index(each) for each in row] for row in kinds]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.pcolormesh(chart.contexts, chart.batches, cells, cmap="Greys", shading="nearest",
                    vmin=-0.5, vmax=len(KINDS))  # fmt: skip
    axes.set_xlabel("tokens cached by each sequence")
    axes.set_ylabel("sequences on the slice")
    shades = ", ".join(present)
    _title(
        axes, f"{case_name(case)}, {chart.attempts:g} attempts a prompt; light to dark: {shades}"
    )


def _pareto(axes: Axes, points: list[ParetoPoint]) -> None:
    correct = by_correct(points)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for i, name in enumerate(dict.fromkeys(point.slice for point in points)):
        own = [point for point in points if point.slice == name]
        axes.plot([p.latency_s.median for p in own], [money(p, correct).median for p in own],
                  MARKS[i % len(MARKS)], mfc="none", label=name)  # fmt: skip
    best = sorted((p.latency_s.median, money(p, correct).median) for p in points if p.on_frontier)
    axes.plot([x for x, _ in best], [y for _, y in best], color=INK, lw=1)
    axes.set_xlabel("latency (s), predicted")
    axes.set_ylabel("$ a correct answer, predicted" if correct else "$ a query, predicted")
    axes.legend(frameon=False)
    _title(axes, points[0].profile)


def _designs(axes: Axes, searches: Sequence[DesignSearch]) -> None:
    """Bars from 1: as much as the chip that is there has; parts that it lacks are left out."""
    there = searches[0].reference
    parts = [name for name in SHARES if getattr(there, name, 0.0)]
    height = 0.8 / len(searches)
    for i, (search, colour) in enumerate(zip(searches, (BAR, SOFT), strict=False)):
        factors = [getattr(search.best, name) / getattr(there, name) for name in parts]
        places = [row + (i - (len(searches) - 1) / 2) * height for row in range(len(parts))]
        bars = axes.barh(places, [factor - 1 for factor in factors], height, 1.0, color=colour,
                         label=f"best for {search.purpose}")  # fmt: skip
        axes.bar_label(bars, [units.ratio(factor) for factor in factors], padding=3, fontsize=9)
    axes.set_yticks(range(len(parts)), [SHARES[name] for name in parts])
    axes.set_xscale("log", base=2)
    axes.set_xticks([])
    axes.margins(x=0.12)
    axes.axvline(1, color=INK, lw=1)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.legend(frameon=False)
    _title(axes, f"Times {searches[0].reference_chip}, under {budget_text(searches[0])}")


def _power(axes: Axes, center: DataCenter) -> None:
    for trace, style in zip(center.traces, ("-", "--"), strict=False):
        axes.step(trace.time_s, [w / 1e3 for w in trace.watts], style, where="post", color=INK,
                  lw=1.2, label=trace.label)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("power of all chips (kW), predicted")
    axes.legend(frameon=False)
    _title(axes, f"{center.profile} on {center.slice}")
