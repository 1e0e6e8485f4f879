"""Vega without a browser and without a network: charts as still pictures, and the JavaScript that
draws them (vega, Vega-Lite and vega-embed) as one script, both by vl-convert.

Making the script takes seconds, so that it is kept in the user's cache.
"""

import base64
import gzip
import importlib.metadata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from ....model.weights.host_memory import cache_folder
from ...records.files import write_text
from .. import theme
from ..document import Chart, Spec

WIDTH = 900  # pixels, for charts that a page draws as wide as it has room
HALF = 480
_GLOBALS = "Object.assign(window, { vega, vegaLite, vegaEmbed });"


@cache
def vega_bundle() -> str:
    """The script: it sets window.vega, window.vegaLite and window.vegaEmbed."""
    version = importlib.metadata.version("vl-convert-python")
    path = cache_folder() / f"vega-{version}-{vegalite_version()}.js"
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    import vl_convert

    script: str = vl_convert.javascript_bundle(snippet=_GLOBALS, vl_version=vegalite_version())
    with suppress(OSError):  # a cache that cannot be written is no error
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, script)
    return script


@cache
def packed_bundle() -> str:
    """The script gzipped, as base64: for a notebook's cell, which is kept with the notebook."""
    return base64.b64encode(gzip.compress(vega_bundle().encode(), mtime=0)).decode()


def vegalite_version() -> str:
    """Of the specifications that altair makes, as vl-convert names it: '6.4'."""
    import altair

    return ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


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

    drawn, version = still(chart, dark), vegalite_version()
    made: bytes = vl_convert.vegalite_to_png(drawn, vl_version=version, scale=scale)
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
