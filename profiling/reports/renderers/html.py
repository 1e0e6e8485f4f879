"""A document as a page: one file that needs nothing but itself, interactive, light and dark."""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .. import terms, theme
from ..document import Block, Chart, Document, Section, Table, is_empty
from . import png
from .vega_bundle import vega_bundle

TEMPLATES = Path(__file__).parent.parent / "templates"
PROJECT = "rooflink"


def html(document: Document) -> str:
    """The whole page."""
    has_charts = bool(document.charts())
    return _environment().get_template("page.html.j2").render(
        document=document,
        project=PROJECT,
        style=Markup(theme.css() + "\n" + (TEMPLATES / "page.css").read_text()),
        script=Markup((TEMPLATES / "page.js").read_text()),
        bundle=script_safe(vega_bundle()) if has_charts else "",
        dark_of=_json(theme.dark_of()),
        sections=document.filled,
        note=Glossary(document.terms or terms.TERMS),
    )  # fmt: skip


def fragment(document: Document) -> str:
    """The document's body alone, charts as still pictures: for a notebook's cell."""
    template = _environment().get_template("fragment.html.j2")
    return template.render(
        document=document, sections=document.filled, note=Glossary(document.terms or terms.TERMS)
    )


class Glossary:
    """Marks the first use of each term in a page's text with its explanation."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = dict(meanings)
        self._left = sorted(meanings, key=len, reverse=True)

    def __call__(self, text: str) -> Markup:
        """The text, escaped, its terms explained where they come for the first time."""
        marked = Markup(escape(text))
        for term in list(self._left):
            pattern = (
                rf"(?<![\w/&]){re.escape(str(escape(term)))}(?![\w/])(?![^<]*>)(?![^<]*</abbr>)"
            )
            found = re.search(pattern, marked)
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
    return Markup(text.replace("<", "\\u003c"))


def _still(chart: Chart) -> str:
    """The chart as a picture: for paper, and where no script runs."""
    encoded = base64.b64encode(png.svg(chart).encode()).decode()
    return f"data:image/svg+xml;base64,{encoded}"


def _kind(block: Block | Section) -> str:
    return type(block).__name__


def _body(table: Table) -> list[list[tuple[str, str, bool]]]:
    """(text, what it sorts by, numeric) of each cell, row by row."""
    made = []
    for index, row in enumerate(table.rows):
        values = [column.numbers[index] for column in table.shown]
        keys = ["" if value is None else str(value) for value in values]
        made.append([(t, k, c.numeric) for t, k, c in zip(row, keys, table.shown, strict=True)])
    return made


@cache
def _environment() -> Environment:
    """Templates beside this package; an unknown name in one is an error, not a gap."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters.update(kind=_kind, still=_still, json=_json, body=_body)
    made.tests["empty"] = is_empty
    return made
