"""A co-design report's drawings as PNG bytes, for TensorBoard's image tab.

Drawn with matplotlib's objects and the Agg canvas alone, as roofline_png does. They carry less
than the page's: whole queries only, no badges.
"""

from collections.abc import Iterator
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..record.codesign import BoundMap, CodesignCase, CodesignReport
from ..record.codesign_center import DataCenter
from ..record.codesign_search import ParetoPoint
from .codesign_words import case_name
from .plot_codesign_map import KINDS, kind
from .plot_codesign_pareto import by_correct, money
from .plot_codesign_tornado import QUERY, ranked
from .tags import tag

INK, BAR, SOFT = "#1c2024", "#56657a", "#b3b0a8"
MARKS = ("o", "s", "^", "D", "P", "v")


def codesign_images(report: CodesignReport) -> Iterator[tuple[str, bytes]]:
    """(tag, PNG) of each drawing."""
    for case in report.cases:
        name = f"{tag(case.profile)}_on_{tag(case.prediction.slice)}"
        yield f"tornado/{name}", _drawn(lambda axes, c=case: _tornado(axes, c))
        yield f"roofline/{name}", _drawn(lambda axes, c=case: _roofline(axes, c))
        for chart in case.bound_maps:
            drawn = _drawn(lambda axes, c=case, m=chart: _map(axes, c, m))
            yield f"crossovers/{name}_attempts_{chart.attempts:g}", drawn
    for profile in dict.fromkeys(point.profile for point in report.pareto):
        points = [point for point in report.pareto if point.profile == profile]
        yield f"pareto/{tag(profile)}", _drawn(lambda axes, p=points: _pareto(axes, p))
    for center in report.data_centers:
        name = f"power/{tag(center.profile)}_on_{tag(center.slice)}"
        yield name, _drawn(lambda axes, c=center: _power(axes, c))


def _drawn(draw) -> bytes:  # type: ignore[no-untyped-def]
    figure = Figure(figsize=(9, 5), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    stream = BytesIO()
    canvas.print_png(stream)
    return stream.getvalue()


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


def _power(axes: Axes, center: DataCenter) -> None:
    for trace, style in zip(center.traces, ("-", "--"), strict=False):
        axes.step(trace.time_s, [w / 1e3 for w in trace.watts], style, where="post", color=INK,
                  lw=1.2, label=trace.label)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("power of all chips (kW), predicted")
    axes.legend(frameon=False)
    _title(axes, f"{center.profile} on {center.slice}")
