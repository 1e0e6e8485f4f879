"""A co-design report as its pages print it: the same tables and drawings for HTML and Markdown."""

from dataclasses import dataclass

from ..records.codesign import CodesignCase, CodesignReport, DataCenter, Regime
from . import units
from .codesign_center_tables import smoothing_table, tiers_table
from .codesign_search_tables import frontier_table
from .codesign_tables import batches_table, levers_table, slopes_table, what_ifs_table
from .codesign_words import between, case_name
from .plot_codesign_map import bound_map, kind_class, kinds_of
from .plot_codesign_pareto import pareto
from .plot_codesign_power import power
from .plot_codesign_roofline import lever_roofline
from .plot_codesign_tornado import idle_parameters, tornado
from .prediction_tables import phases_table
from .table import Table

REGIMES: tuple[Regime, ...] = ("as run", "memory full")
REGIME_WORDS = {
    "as run": "as run: at the workload's batch, where capacity counts for nothing",
    "memory full": "memory full: at the largest batch that fits, for one query",
}


@dataclass(frozen=True)
class Tornado:
    """One regime's drawing, what it leaves out, and the same in figures."""

    words: str
    drawing: str
    left_out: list[str]
    table: Table


@dataclass(frozen=True)
class CaseView:
    """One case."""

    name: str
    workload: str
    basis: list[str]
    phases: Table
    tornados: list[Tornado]
    flips: list[tuple[str, str]]  # a sentence, and how sure it is
    roofline: str
    levers: Table
    maps: list[tuple[str, str]]  # a caption and a drawing
    kinds: list[tuple[str, str]]  # a legend's CSS class and words
    thought: list[str]
    batches: Table
    what_ifs: Table
    what_if_sentences: list[str]


@dataclass(frozen=True)
class FrontierView:
    """One profile's frontier."""

    profile: str
    drawing: str
    table: Table


@dataclass(frozen=True)
class CenterView:
    """One data center."""

    name: str
    power: str
    smoothing: Table
    tiers: Table


def case_view(case: CodesignCase, index: int) -> CaseView:
    """Drawings are named by the case's index: their ids must differ on one page."""
    phases = phases_table(case.prediction)
    return CaseView(
        name=case_name(case),
        workload=case.workload,
        basis=_basis(case),
        phases=Table(f"Phases of {case_name(case)}", phases.columns, phases.rows, True),
        tornados=[
            _tornado(case, regime, f"tornado-{index}-{i}") for i, regime in enumerate(REGIMES)
        ],
        flips=[(each.sentence, _sureness(each.factor, each.flips)) for each in case.flips],
        roofline=lever_roofline(case, f"levers-{index}"),
        levers=levers_table(case),
        maps=[
            (
                f"{units.count(chart.attempts)} attempts share each prompt"
                if chart.attempts > 1
                else "each sequence has its own prompt",
                bound_map(case, chart, f"map-{index}-{i}"),
            )
            for i, chart in enumerate(case.bound_maps)
        ],
        kinds=[(kind_class(kind), kind) for kind in kinds_of(case)],
        thought=case.thought.sentences,
        batches=batches_table(case),
        what_ifs=what_ifs_table(case.what_ifs),
        what_if_sentences=[each.sentence for each in case.what_ifs],
    )


def _tornado(case: CodesignCase, regime: Regime, name: str) -> Tornado:
    return Tornado(
        words=REGIME_WORDS[regime],
        drawing=tornado(case, regime, name),
        left_out=idle_parameters(case, regime),
        table=slopes_table(case, regime),
    )


def _sureness(factor, share: float) -> str:  # type: ignore[no-untyped-def]
    interval = between(factor, units.ratio)
    said = f"80 % interval {interval}; " if interval else ""
    return f"predicted; {said}so in {units.share(share)} of the draws"


def _basis(case: CodesignCase) -> list[str]:
    """What the predictions of a case stand on."""
    asked = case.prediction
    economics = asked.economics
    lines = [f"Calibration: {asked.basis}."]
    if asked.chip_confidence:
        lines.append(f"Least confidence of the chip's figures: {asked.chip_confidence}.")
    if asked.energy_basis:
        lines.append(f"Energy: {asked.energy_basis}.")
    if economics:
        lines.append(f"Price: {economics.terms.price}.")
    return lines


def frontier_views(report: CodesignReport) -> list[FrontierView]:
    """A frontier for each profile that has points."""
    names = list(dict.fromkeys(point.profile for point in report.pareto))
    found = []
    for i, name in enumerate(names):
        points = [point for point in report.pareto if point.profile == name]
        found.append(FrontierView(name, pareto(points, f"pareto-{i}"), frontier_table(points)))
    return found


def center_view(center: DataCenter, index: int) -> CenterView:
    """One data center's drawing and tables."""
    return CenterView(
        name=f"{center.profile} on {center.slice}",
        power=power(center, f"power-{index}"),
        smoothing=smoothing_table(center),
        tiers=tiers_table(center),
    )
