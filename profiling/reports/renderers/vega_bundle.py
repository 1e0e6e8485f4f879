"""The JavaScript that draws charts: vega, Vega-Lite and vega-embed as one script.

vl-convert makes it without a network; that takes seconds, so it is kept in the user's cache.
"""

import base64
import gzip
import importlib.metadata
import os
import tempfile
from functools import cache
from pathlib import Path

_GLOBALS = "Object.assign(window, { vega, vegaLite, vegaEmbed });"


def cache_folder() -> Path:
    """Where what is slow to make is kept: $XDG_CACHE_HOME/rooflink, or ~/.cache/rooflink."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rooflink"


@cache
def vega_bundle() -> str:
    """The script: it sets window.vega, window.vegaLite and window.vegaEmbed."""
    version = importlib.metadata.version("vl-convert-python")
    path = cache_folder() / f"vega-{version}-{vegalite_version()}.js"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    import vl_convert

    script: str = vl_convert.javascript_bundle(snippet=_GLOBALS, vl_version=vegalite_version())
    _keep(path, script)
    return script


@cache
def packed_bundle() -> str:
    """The script gzipped, as base64: for a notebook's cell, which is kept with the notebook."""
    return base64.b64encode(gzip.compress(vega_bundle().encode(), mtime=0)).decode()


def vegalite_version() -> str:
    """Of the specifications that altair makes, as vl-convert names it: '6.4'."""
    import altair

    return ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _keep(path: Path, text: str) -> None:
    """Write it whole or not at all; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        return
