"""Every drawing of the HTML report by name; '' where the profile has nothing to draw."""

from ..records import Profile
from .plot_bars import byte_bars, chip_bars, idle_bars, time_bars
from .plot_lengths import lengths
from .plot_roofline import roofline
from .plot_thought import thought
from .plot_trace import trace_bars


def all_plots(profile: Profile) -> dict[str, str]:
    """Name -> `<svg>`."""
    return {
        "roofline": roofline(profile),
        "time": time_bars(profile),
        "bytes": byte_bars(profile),
        "thought": thought(profile),
        "lengths": lengths(profile),
        "idle": idle_bars(profile),
        "chips": chip_bars(profile),
        "trace": trace_bars(profile),
    }
