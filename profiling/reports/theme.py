"""The one palette: colours light and dark, the look of phases, CSS variables, Vega config.

A specification is drawn in the light colours; `dark` turns it. The page does the same in the
browser from `dark_of`, so every colour of a chart must be one of these.
"""

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...model.phases import PHASES

COLOURS: dict[str, tuple[str, str]] = {  # name -> (light, dark)
    "page": ("#faf9f6", "#14171a"), "card": ("#ffffff", "#1b1f23"), "ink": ("#1c2024", "#e9e7e2"),
    "soft": ("#5b626a", "#a0a7ae"), "rule": ("#e2dfd8", "#31373d"), "grid": ("#eceae4", "#262b30"),
    "roof": ("#b3b0a8", "#5d646c"), "inside": ("#fffffe", "#14171b"),
    "on-light": ("#1c2025", "#14171c"),
    "blue": ("#2f66b0", "#6ea4ec"), "orange": ("#bd5216", "#f08a4b"),
    "violet": ("#7d4aa8", "#b98ae0"), "ochre": ("#8a6810", "#d6b04a"),
    "pink": ("#b83b73", "#e878a8"), "olive": ("#4f7a28", "#93bd63"),
    "teal": ("#0b7f7b", "#22a8a2"), "aqua": ("#74c7bf", "#8fdad2"),
    "sand": ("#d8b24a", "#e2c163"), "slate": ("#55657a", "#77879d"),
    "green": ("#3c8d5a", "#5cb47c"), "red": ("#c44c38", "#e4755f"), "grey": ("#8f949b", "#8b9199"),
    "brick": ("#a23b4e", "#e58a98"), "steel": ("#2c7a96", "#62b4d0"),
    "indigo": ("#5a4fb0", "#9d93f0"), "mist": ("#b4bcc7", "#46515e"),
    "loud": ("#b3261e", "#ff9c8a"), "loud-page": ("#fbe9e6", "#3a1d19"),
    "map-0": ("#f3f1ec", "#2a2f34"), "map-1": ("#cfcbc1", "#545b62"),
    "map-2": ("#8a8f96", "#8d949b"), "map-3": ("#e3d3c0", "#4a3d30"),
    "map-4": ("#dfe7ea", "#33424a"), "map-5": ("#b9c4b4", "#4d5a49"),
    "hatch": ("#8b8579", "#7b838b"), "idle": ("#d5d1c8", "#868d95"),
}  # fmt: skip
COLOURS |= {f"phase-{phase.name}": (phase.colour, phase.dark_colour) for phase in PHASES.values()}
FONT = 'system-ui, -apple-system, "Segoe UI", Inter, Roboto, "Helvetica Neue", sans-serif'

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 4])
_SERIES = ("blue", "orange", "violet", "teal", "pink", "olive")
_SPARE = ("brick", "steel", "indigo", "green", "aqua", "sand")  # for phases of no entry


@dataclass(frozen=True)
class PhaseStyle:
    """How a phase is named and drawn, the same in every report."""

    doing: str  # 'Thinking': begins a sentence about it
    tint: str  # a name in COLOURS
    symbol: str


KINDS: dict[str, tuple[str, str]] = {  # of HBM bytes -> (label, colour name)
    "weights": ("weights", "slate"),
    "kv_read": ("KV read", "teal"),
    "kv_write": ("KV write", "aqua"),
    "activations": ("activations", "sand"),
    "copies": ("copies", "red"),
    "collectives": ("collectives", "indigo"),
    "rest": ("other", "grey"),
}
RESOURCES: dict[str, tuple[str, str]] = {  # of the time model -> (label, colour name)
    "compute": ("FLOP/s", "sand"),
    "memory": ("HBM bandwidth", "teal"),
    "on_chip": ("on-chip bandwidth", "aqua"),
    "links": ("link bandwidth", "pink"),
    "overhead": ("overheads", "grey"),
}


def phase(name: str) -> PhaseStyle:
    """The phase's look; a phase that nobody declared has one of its own, the same each time."""
    declared = PHASES.get(name)
    place = declared.order if declared else zlib.crc32(name.encode())
    symbol = SYMBOLS[place % len(SYMBOLS)]
    if declared:
        return PhaseStyle(declared.verb, f"phase-{name}", symbol)
    doing = re.sub(r"[-_]+", " ", name).capitalize()
    return PhaseStyle(doing, _SPARE[place % len(_SPARE)], symbol)


def phase_colours(names: Iterable[str]) -> list[str]:
    """A colour for each phase in a picture: no two of them alike while there are enough."""
    taken: list[str] = []
    for name in names:
        wanted = phase(name).tint
        free = [tint for tint in (*_SPARE, *_SERIES) if tint not in taken]
        taken.append(free[0] if wanted in taken and free else wanted)
    return [colour(tint) for tint in taken]


def colour(name: str) -> str:
    """The light colour of that name."""
    return COLOURS[name][0]


def series(index: int) -> str:
    """The colour of the line with that place among its kind."""
    return colour(_SERIES[index % len(_SERIES)])


def dark_of() -> dict[str, str]:
    """Light colour -> dark colour."""
    return dict(COLOURS.values())


def dark(spec: object) -> object:
    """The specification with every colour turned to its dark one."""
    turned = dark_of()
    return each_text(spec, lambda text: turned.get(text, text))


def each_text(spec: object, change: Callable[[str], str]) -> object:
    """The specification with every text in it changed, names of fields too."""
    if isinstance(spec, dict):
        return {change(key): each_text(value, change) for key, value in spec.items()}
    if isinstance(spec, list):
        return [each_text(value, change) for value in spec]
    return change(spec) if isinstance(spec, str) else spec


def variables(dark: bool = False) -> str:
    """The colours as CSS variables: '--ink: #1c2024; ...'."""
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in COLOURS.items())


def css(element: str = ":root", more: str = "") -> str:
    """Rules that define an element's colours, dark where the reader's system is; `more` beside."""
    return (
        f"{element} {{ color-scheme: light dark; {variables()}{more} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ {element} {{ {variables(True)} }} }}\n"
    )


def vega_config() -> dict[str, object]:
    """The look of every chart."""
    ink, soft, roof = colour("ink"), colour("soft"), colour("roof")
    text = {"labelColor": soft, "titleColor": soft, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **text, "titleFontWeight": "normal", "gridColor": colour("grid"), "domainColor": roof,
            "tickColor": roof, "tickSize": 4, "labelPadding": 5, "titlePadding": 8,
            "labelOverlap": True,
        },
        "legend": {**text, "titleFontWeight": "normal", "orient": "top", "labelColor": ink,
                   "columnPadding": 8, "symbolSize": 90, "symbolOpacity": 1, "labelLimit": 300},
        "text": {"color": ink, "fontSize": 12},
        "title": {"color": ink, "fontSize": 13, "anchor": "start"},
        "header": {"labelColor": ink, "titleColor": soft, "labelFontSize": 12},
        "rule": {"color": ink}, "line": {"strokeWidth": 2}, "bar": {"color": colour("slate")},
        "point": {"size": 70, "filled": True}, "range": {"category": [series(i) for i in range(6)]},
    }  # fmt: skip
