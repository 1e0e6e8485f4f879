"""The roofline as a figure, and as PNG bytes for TensorBoard's image tab.

Drawn with matplotlib's objects and the Agg canvas alone: no pyplot, so no state that another
caller in the process could see or disturb.
"""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..records import Phase, Profile
from . import units
from .facts import was_run
from .plot_roofline import achieved, attainable, extent
from .scale import Log, spaced

_COLOURS = {
    "prefill": "#2f66b0",
    "think": "#bd5216",
    "answer": "#7d4aa8",
    "verify": "#8a6810",
    "draft": "#b83b73",
    "revise": "#4f7a28",
}
_OTHER, _ROOF, _INK = "#5b626a", "#b3b0a8", "#1c2024"


def roofline_png(profile: Profile) -> bytes | None:
    """The image; None where there is no roof or no phase to draw."""
    drawn = roofline_figure(profile)
    if drawn is None:
        return None
    stream = BytesIO()
    FigureCanvasAgg(drawn).print_png(stream)
    return stream.getvalue()


def roofline_figure(profile: Profile) -> Figure | None:
    """The drawing; None where there is no roof or no phase to draw."""
    phases = [phase for phase in profile.phases if phase.counted.intensity > 0]
    if not phases or not (profile.placements or profile.machine):
        return None
    drawn = Figure(figsize=(10, 6), dpi=110, layout="constrained")
    axes = drawn.add_subplot()
    _frame(axes, profile, phases)
    low, high = axes.get_xlim()
    for placement in profile.placements:
        roof = (placement.peak_flops, placement.hbm_bandwidth)
        _roof(axes, roof, (low, high), _ROOF)
        for phase in phases:
            intensity = phase.counted.intensity
            axes.plot(
                intensity, attainable(intensity, *roof), "o", mfc="white", color=_colour(phase)
            )
    if profile.machine:
        roof = (profile.machine.matmul_flops, profile.machine.read_bandwidth)
        _roof(axes, roof, (low, high), _INK)
    _names(axes, profile, high)
    for phase in phases:
        _phase(axes, phase)
    axes.legend(loc="lower right", frameon=False)
    return drawn


def _frame(axes: Axes, profile: Profile, phases: list[Phase]) -> None:
    low_x, high_x, low_y, high_y = extent(profile, phases)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low_x, high_x * 6)  # room for the chips' names
    axes.set_ylim(low_y, high_y)
    axes.set_xlabel("FLOP per HBM byte (counted)")
    axes.set_ylabel("FLOP per second")
    filled = " Filled points: measured on this machine." if was_run(profile) else ""
    axes.set_title(f"Rings: at datasheet peak.{filled}", fontsize=10)
    axes.grid(color="#eceae4")
    axes.spines[["top", "right"]].set_visible(False)


def _roof(axes: Axes, roof: tuple[float, float], limits: tuple[float, float], colour: str) -> None:
    peak, bandwidth = roof
    low, high = limits
    end = high / 6
    axes.plot([low, peak / bandwidth, end], [low * bandwidth, peak, peak], color=colour, lw=1.3)


def _names(axes: Axes, profile: Profile, high: float) -> None:
    """Each roof's name at its right end, moved apart where roofs nearly meet."""
    roofs = [(p.chip, p.peak_flops) for p in profile.placements]
    if profile.machine:
        roofs.append(("this machine, measured", profile.machine.matmul_flops))
    low_y, high_y = axes.get_ylim()
    decades = Log(low_y, high_y, 0.0, 1.0)
    places = spaced([decades(peak) for _, peak in roofs], 0.024, 0.0, 0.99)
    for (name, _), place in zip(roofs, places, strict=True):
        at = low_y * (high_y / low_y) ** place
        axes.text(high / 6 * 1.1, at, name, va="center", fontsize=8, color=_INK, parse_math=False)


def _phase(axes: Axes, phase: Phase) -> None:
    """A guide at the phase's intensity and, where it ran, the rate it achieved."""
    intensity, rate = phase.counted.intensity, achieved(phase)
    label = f"{phase.name} {units.intensity(intensity)}".replace("$", r"\$")
    axes.axvline(intensity, color=_colour(phase), lw=1.6, ls=":", label=label)
    if rate:
        axes.plot(intensity, rate, "o", color=_colour(phase))


def _colour(phase: Phase) -> str:
    return _COLOURS.get(phase.name, _OTHER)
