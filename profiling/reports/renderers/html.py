"""A document as a page: one file that needs nothing but itself, interactive, light and dark."""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ...records.base import Interval
from .. import terms, theme
from ..document import Document, Number, Table, Value, is_empty, plain
from ..units import interval_names
from . import vega
from .vega import packed_bundle, vega_bundle

TEMPLATES = Path(__file__).parent.parent / "templates"
PROJECT = "rooflink"
LIGHT_THEMES = '[data-jp-theme-light="true"], html[theme="light"], .vscode-light'
DARK_THEMES = '[data-jp-theme-light="false"], html[theme="dark"], .vscode-dark'


def html(document: Document, stills: Mapping[str, str] | None = None) -> str:
    """The whole page; `stills` are its charts as SVG by name, where they are drawn already."""
    return _rendered(
        "page.html.j2", document, vega.stills(document.charts()) if stills is None else stills,
        project=PROJECT, purpose=terms.PURPOSE, words=terms.FIRST_WORDS,
        style=Markup(f"{theme.css()}\n{_text('page.css')}"),
        bundle=script_safe(vega_bundle()) if document.charts() else "",
    )  # fmt: skip


def fragment(document: Document, number: int, bundle: bool) -> str:
    """The document as an element that styles itself, for a notebook's cell.

    `number` tells it from others in the same notebook; with `bundle` it brings what draws charts.
    Where no script runs, or none has brought that, charts are still pictures.
    """
    return _rendered(
        "fragment.html.j2", document, vega.stills(document.charts()), number=number,
        style=Markup(notebook_style()),
        bundle=packed_bundle() if bundle and document.charts() else "",
    )  # fmt: skip


def body(document: Document) -> str:
    """The document's blocks alone, for a page that has the style and the script already."""
    return _rendered("body.html.j2", document, {})


def _rendered(template: str, document: Document, stills: Mapping[str, str], **more: object) -> str:
    return _environment().get_template(template).render(
        document=document, sections=document.filled, script=Markup(_text("page.js")),
        stills={name: _still(picture) for name, picture in stills.items()},
        dark_of=_json(theme.dark_of()), note=Glossary(document.terms or terms.TERMS), **more,
    )  # fmt: skip


@cache
def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def style(dark: str) -> str:
    """The page's rules; its colours are dark where the selector `dark` holds."""
    return (
        f":root {{ color-scheme: light; {theme.variables()} }}\n"
        f"{dark} {{ color-scheme: dark; {theme.variables(dark=True)} }}\n"
        f"{_text('page.css')}"
    )


def script() -> str:
    """`rooflinkReport`, and the dark colours that it takes, as globals."""
    return f"{_text('page.js')}\nconst rooflinkDarkOf = {_json(theme.dark_of())};"


@cache
def notebook_style() -> str:
    """The page's rules under `.rooflink`, its colours by the notebook's theme or the system's."""
    rules = _text("page.css") + _text("notebook.css")
    light, dark = theme.variables(), theme.variables(dark=True)
    return (
        theme.css(".rooflink", f"\n{rules}\n")
        + f":is({LIGHT_THEMES}) .rooflink {{ color-scheme: light; {light} }}\n"
        f":is({DARK_THEMES}) .rooflink {{ color-scheme: dark; {dark} }}\n"
    )


class Glossary:
    """Marks the first use of each term in a page's text with its explanation."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = dict(meanings)
        self._left = sorted(meanings, key=len, reverse=True)

    def __call__(self, text: str) -> Markup:
        """The text, escaped, its terms explained where they come for the first time."""
        marked = Markup(escape(plain(text)))
        for term in list(self._left):
            word = re.escape(str(escape(term)))
            found = re.search(rf"(?<![\w/&]){word}(?![\w/])(?![^<]*>)(?![^<]*</abbr>)", marked)
            if found:
                self._left.remove(term)
                meaning = escape(self._meanings[term])
                abbr = Markup(f'<abbr title="{meaning}" tabindex="0">{found.group(0)}</abbr>')
                marked = Markup(marked[: found.start()] + abbr + marked[found.end() :])
        return marked

    def meaning(self, term: str) -> str:
        """Its explanation; '' where it has none."""
        return self._meanings.get(term) or terms.LENSES.get(term, "")


def script_safe(text: str) -> Markup:
    """Text that may stand inside <script>: nothing in it can close the element."""
    return Markup(re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE))


def _json(value: object) -> Markup:
    """JSON that may stand inside <script>."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(plain(text).replace("<", "\\u003c"))


def _still(picture: str) -> str:
    """An SVG as an image's address: for paper, and where no script runs."""
    encoded = base64.b64encode(picture.encode()).decode()
    return f"data:image/svg+xml;base64,{encoded}"


class _Cell(NamedTuple):
    """A cell: what is read, what it sorts by and is downloaded as, and the ends of its interval."""

    text: str
    key: str
    ends: tuple[float, float] | None
    numeric: bool


def _body(table: Table) -> list[list[_Cell]]:
    """The cells of each row."""
    made = [map(_cell, column.cells, column.numbers, column.values, repeat(column.numeric))
            for column in table.shown]  # fmt: skip
    return [list(row) for row in zip(*made, strict=True)]


def _cell(text: str, number: Number | str | None, value: Value, numeric: bool) -> _Cell:
    ends = (value.low, value.high) if isinstance(value, Interval) else None
    return _Cell(text, "" if number is None else str(number), ends, numeric)


def _finalized(value: object) -> object:
    """What a template shows of a record's or a user's text; markup is the template's own."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    """Templates beside this package; an unknown name in one is an error, not a gap."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=_finalized,
    )  # fmt: skip
    made.filters.update(
        kind=lambda block: type(block).__name__, json=_json, body=_body, names=interval_names
    )
    made.tests["empty"] = is_empty
    return made
