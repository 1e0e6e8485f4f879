"""Accuracy of an evaluation: against attempts, against the budget of thought, against cost."""

from collections.abc import Iterable, Mapping, Sequence

from ...records.evaluation import AttemptsPoint, Cell, Estimate, Evaluation, Frontier, Optimal
from .. import theme, units
from ..document import Chart, Spec, slug
from ..estimates import accuracy_text, cost_lens, cost_unit, frontier_text, guessed
from . import chart_parts as kit
from .chart_parts import alt

HEIGHT = 300
_SAMPLED = (("coverage", "pass@k"), ("majority", "majority@k"), ("best", "best of k by score"))
_GUESS = "random guess"
_Row = Mapping[str, object]


def attempts_chart(cell: Cell, guess_rate: float | None) -> Chart | None:
    """pass@k, majority@k and best of k by score; None where fewer than two k are known."""
    points = cell.attempts
    if len(points) < 2:
        return None
    told = "; ".join(f"{p.k} attempts: any right {accuracy_text(p.coverage)}" for p in points)
    guess = "; dashed grey: k random guesses" if guess_rate else ""
    return Chart(
        name=f"attempts-{slug(cell.label)}",
        title=f"Attempts: {cell.label}",
        note=f"bands: 95 % over problems{guess}",
        alt=f"Accuracy against the number of attempts. {told}.",
        draw=lambda: _attempts(points, guess_rate, slug(cell.label)),
        half=True,
    )


def _attempts(points: Sequence[AttemptsPoint], rate: float | None, name: str) -> Spec:
    rows, ends = list[_Row](), list[tuple[str, float]]()
    for field, label in _SAMPLED:
        known = [(p.k, e) for p in points if (e := getattr(p, field)) is not None]
        rows += [_row(label, k, estimate, "attempts") for k, estimate in known]
        ends += [(label, known[-1][1].value)] if known else []
    guesses: list[_Row] = [{"x": p.k, "right": guessed(rate, p.k)} for p in points if rate]
    if rate:
        ends.append(("k random guesses", guessed(rate, points[-1].k)))
    ticks = [p.k for p in points if p.k & (p.k - 1) == 0 or p.k in (10, 100, 1000)]
    x = alt.X("x:Q", title="attempts k").scale(type="log", nice=False)
    x = x.axis(values=ticks, format="d", grid=False)
    labels = [label for _, label in _SAMPLED]
    return _curves(rows, ends, labels, x, f"attempts_{name}", guesses, band=True)


def budget_chart(evaluation: Evaluation) -> Chart | None:
    """Accuracy against the budget of thought; None where no strategy has two budgets."""
    curves = curves_of(evaluation)
    if not any(len(cells) > 1 for cells in curves.values()):
        return None
    told = "; ".join(f"{cell.label}: {accuracy_text(cell.accuracy)}"
                     for cells in curves.values() for _, cell in cells)  # fmt: skip
    guess = "; dashed grey: a random guess" if evaluation.guess_rate else ""
    return Chart(
        name="budget", title="Accuracy against the budget of thought",
        note=f"bars: 95 % over problems{guess}", alt=f"{told}.",
        draw=lambda: _budgets(curves, evaluation.guess_rate), least_width=480,
    )  # fmt: skip


def curves_of(evaluation: Evaluation) -> dict[str, list[tuple[int, Cell]]]:
    """Strategy -> its budgets of thought with their cells, smallest first."""
    curves: dict[str, list[tuple[int, Cell]]] = {}
    for cell in evaluation.cells:
        if cell.budget is not None:
            curves.setdefault(cell.strategy, []).append((cell.budget, cell))
    return {name: sorted(cells, key=lambda pair: pair[0]) for name, cells in curves.items()}


def _budgets(curves: Mapping[str, Sequence[tuple[int, Cell]]], rate: float | None) -> Spec:
    rows = [_row(name, budget, cell.accuracy, "tokens of thought at most")
            for name, cells in curves.items() for budget, cell in cells]  # fmt: skip
    ends = [(name, cells[-1][1].accuracy.value) for name, cells in curves.items()]
    last = max(budget for cells in curves.values() for budget, _ in cells)
    guesses: list[_Row] = [{"x": at, "right": rate} for at in (0, last) if rate is not None]
    ends += [(_GUESS, rate)] if rate is not None else []
    axis = alt.Axis(title="tokens of thought at most", grid=False, format=",d", tickMinStep=1)
    x = kit.x_axis(axis, [0, last], log=False)
    return _curves(rows, ends, list(curves), x, "budget", guesses)


def _row(curve: str, at: int, estimate: Estimate, what: str) -> _Row:
    return {
        "curve": curve, "x": at, "right": estimate.value, "low": estimate.low,
        "high": estimate.high, what: units.count(at), "accuracy": accuracy_text(estimate),
        "what": what,
    }  # fmt: skip


def _curves(
    rows: Sequence[_Row], ends: Sequence[tuple[str, float]], names: Sequence[str], x: "alt.X",
    name: str, guesses: Sequence[_Row], band: bool = False,
) -> Spec:  # fmt: skip
    """Curves in colours, dashes and symbols of their own, each named at its right end."""
    chosen = kit.pick(f"{name}_curve", "curve")
    colour, dash, shape = kit.looks("curve", names, legend=False)
    faded = alt.condition(chosen, alt.value(1), alt.value(0.15))
    base = alt.Chart(kit.data(rows)).encode(x=x, color=colour)
    spread = base.mark_area(opacity=0.13) if band else base.mark_rule(opacity=0.5)
    layers = [
        spread.encode(y=_right("low"), y2=alt.Y2("high:Q")),
        base.mark_line().encode(y=_right(), strokeDash=dash, opacity=faded),
        base.mark_point(filled=True, size=60)
        .encode(y=_right(), shape=shape, opacity=faded,
                tooltip=kit.tips("curve", str(rows[0]["what"]), "accuracy"))
        .add_params(chosen),
        *_guessing(guesses, x),
        _ends(ends, names),
    ]  # fmt: skip
    return kit.layered(layers, HEIGHT)


def _guessing(guesses: Sequence[_Row], x: "alt.X") -> "list[alt.Chart]":
    if not guesses:
        return []
    line = alt.Chart(kit.data(guesses)).mark_line(strokeDash=[3, 4], strokeWidth=1.5)
    return [line.encode(x=x, y=_right(), color=alt.value(theme.colour("soft")))]


def _ends(ends: Sequence[tuple[str, float]], names: Sequence[str]) -> "alt.Chart":
    """The names beside the ends of the curves, moved apart where they meet."""
    places = kit.spaced_linear([value for _, value in ends], 16, HEIGHT, [0, 1])
    known = {name: theme.series(index) for index, name in enumerate(names)}
    rows = [{"y": place, "text": name, "ink": known.get(name, theme.colour("soft"))}
            for place, (name, _) in zip(places, ends, strict=True)]  # fmt: skip
    return kit.end_texts(rows).encode(color=alt.Color("ink:N", scale=None))


def _right(field: str = "right") -> "alt.Y":
    """The axis of accuracy."""
    axis = alt.Axis(labelExpr="format(100 * datum.value, 'd') + ' %'", tickCount=6)
    return alt.Y(f"{field}:Q", title="right", axis=axis).scale(domain=[0, 1])


def frontier_chart(frontier: Frontier, optimal: Optimal | None) -> Chart | None:
    """Every option, the best accuracy at each cost as stairs, and by FLOPs the choice by level.

    None where there are no two different costs.
    """
    costs = {option.cost for option in frontier.options if option.cost > 0}
    if len(costs) < 2:
        return None
    best = [o for o in frontier.options if o.on_frontier and o.cost > 0]
    write = cost_unit(frontier)
    told = "; ".join(f"{o.label}: {units.share(o.accuracy)} for {write(o.cost)}" for o in best)
    choice = optimal if frontier.kind == "flops" else None
    by_level = "; dashed: chosen by level, on problems it never saw" if choice else ""
    return Chart(
        name=f"frontier-{slug(frontier.slice or frontier.kind)}",
        title=f"Accuracy against cost in {frontier_text(frontier)}",
        note=f"line: the best at each cost{by_level}; bars: 95 % over problems",
        alt=f"{told}.",
        draw=lambda: _frontier(frontier, choice),
        least_width=480,
    )


def _frontier(frontier: Frontier, optimal: Optimal | None) -> Spec:
    options = [option for option in frontier.options if option.cost > 0]
    write, most = cost_unit(frontier), max(option.cost for option in frontier.options)
    axis, times = kit.si_axis("FLOPs per query (counted)", "FLOP"), 1.0
    if frontier.kind != "flops":
        where = f" on {frontier.slice}" if frontier.slice else ""
        axis, times = kit.dollar_axis(most, on=f"{where} ({cost_lens(frontier)})")
    ends = kit.log_domain([option.cost * times for option in options], 1.15, 1.15)
    rows = [
        {"x": o.cost * times, "right": o.accuracy, "low": o.low, "high": o.high, "option": o.label,
         "cost per query": write(o.cost), "accuracy": units.percent(o.accuracy),
         "best": o.on_frontier}
        for o in options
    ]  # fmt: skip
    x = kit.x_axis(axis, ends)
    base = alt.Chart(kit.data(rows)).encode(x=x)
    blue, grey = alt.value(theme.colour("blue")), alt.value(theme.colour("grey"))
    tint = alt.condition("datum.best", blue, grey)
    shape = alt.condition("datum.best", alt.value("circle"), alt.value("diamond"))
    best = [row for row in rows if row["best"]]
    layers = [
        base.mark_rule(opacity=0.5).encode(y=_right("low"), y2="high:Q", color=tint),
        alt.Chart(kit.data([*best, {**best[-1], "x": ends[1]}] if best else []))
        .mark_line(interpolate="step-after").encode(x=x, y=_right(), color=blue),
        *_choice(optimal, x),
        base.mark_point(filled=True, size=70).encode(
            y=_right(), color=tint, shape=shape,
            tooltip=kit.tips("option", "cost per query", "accuracy")),
        _option_names(best),
    ]  # fmt: skip
    return kit.layered(layers, 360)


def _choice(optimal: Optimal | None, x: "alt.X") -> "list[alt.Chart]":
    """What choosing by level of difficulty reaches."""
    points = optimal.points if optimal else []
    if len(points) < 2:
        return []
    rows = [{"x": p.flops, "right": p.accuracy, "spent": units.flops(p.flops),
             "accuracy": units.percent(p.accuracy)} for p in points]  # fmt: skip
    line = alt.Chart(kit.data(rows)).mark_line(
        strokeDash=[6, 3], point=alt.OverlayMarkDef(color=theme.colour("orange"), size=30)
    )
    return [line.encode(x=x, y=_right(), color=alt.value(theme.colour("orange")),
                        tooltip=kit.tips("spent", "accuracy"))]  # fmt: skip


def _option_names(best: Iterable[_Row]) -> "alt.Chart":
    """Left of and above each, where no better option can be."""
    return alt.Chart(kit.data(best)).mark_text(align="right", dx=-7, dy=-8).encode(
        x="x:Q", y="right:Q", text="option:N"
    )  # fmt: skip
