"""A chart as a still picture, by vl-convert: no browser, no network."""

from collections.abc import Iterable

from .. import theme
from ..document import Chart, Spec
from .vega_bundle import vegalite_version

WIDTH = 900  # pixels, for charts that a page draws as wide as it has room
HALF = 480


def still(chart: Chart, dark: bool = False) -> Spec:
    """The specification with a width of its own and a page behind it."""
    made = theme.dark(chart.spec) if dark else chart.spec
    assert isinstance(made, dict)
    width = HALF if chart.half else WIDTH
    page = theme.COLOURS["page"][dark]
    return {**_sized(made, width), "background": page, "padding": 12}


def _sized(spec: Spec, width: int) -> Spec:
    """`width` in place of 'container', and for panels that leave room beside them."""
    views, meta = spec.get("vconcat"), spec.get("usermeta")
    if isinstance(views, list) and isinstance(meta, dict):
        inner = width - int(meta["beside"])
        return {**spec, "vconcat": [{**view, "width": inner} for view in views]}
    return {**spec, "width": width} if spec.get("width") == "container" else spec


def png(chart: Chart, dark: bool = False, scale: float = 1.5) -> bytes:
    """PNG bytes."""
    import vl_convert

    made: bytes = vl_convert.vegalite_to_png(
        still(chart, dark), vl_version=vegalite_version(), scale=scale
    )
    return made


def png_of(picture: str, scale: float = 1.5) -> bytes:
    """PNG bytes of an SVG: many times faster than drawing the chart anew."""
    import vl_convert

    made: bytes = vl_convert.svg_to_png(picture, scale=scale)
    return made


def stills(charts: Iterable[Chart]) -> dict[str, str]:
    """Each chart as an SVG, by name.

    altair checks every part of a specification as it is made, a third of the time that it takes:
    tests do that for ours.
    """
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        return {chart.name: svg(chart) for chart in charts}


def svg(chart: Chart, dark: bool = False) -> str:
    """An SVG of its own."""
    import vl_convert

    made: str = vl_convert.vegalite_to_svg(still(chart, dark), vl_version=vegalite_version())
    return made
