"""A report as data: what it says, apart from where it is shown.

A `Document` holds sections, a section holds blocks: tables, charts, paragraphs, tiles, findings.
Builders in `sections/` make them from records; `renderers/` turn them into a page, Markdown, a
terminal's lines or a notebook's cell. Builders know no renderer, renderers know no record.

A table is made of columns of raw values, which DataFrames take, each with what writes them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2s
from operator import attrgetter
from typing import Literal, TypeAlias

from ..records.base import Interval
from . import units
from .units import Scale, Unit

Number: TypeAlias = int | float
Value: TypeAlias = str | Number | bool | Interval | None
Spec: TypeAlias = dict[str, object]  # of Vega-Lite
LONGEST_WORD = 80  # of file names, which hold 255 bytes


def slug(text: str) -> str:
    """'Cost of each phase' as an anchor or a name: 'cost-of-each-phase'."""
    return short(re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-"), text) or "part"


def short(word: str, text: str) -> str:
    """`word`, cut so that file names can be made of two; what is cut ends in a digest of `text`."""
    end = f"-{blake2s(text.encode(errors='replace'), digest_size=4).hexdigest()}"
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - len(end)] + end


def printable(text: str) -> str:
    """Text on one line, without what would steer a terminal or turn a line around."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain(text: str) -> str:
    """Text with its lines, tabs as spaces, else as `printable`: no control characters, no halves
    of surrogate pairs, which no file takes."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.expandtabs(4).replace("\r\n", "\n").split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


@dataclass(frozen=True)
class Column:
    """Raw values under a heading, and what writes one of them.

    `text` takes a number (for an `Interval` its median); a `Unit` (units.seconds, units.bytes_ ...)
    writes the whole column on one scale, of which the heading says the multiple ('per million
    queries'). Without `text` values are shown as they are: strings.
    None is shown as `missing`. A column whose every cell is '' is left out of its table.
    """

    title: str
    values: Sequence[Value]
    text: Callable[..., str] | None = None
    lens: str = ""  # of the figures under it: terms.MEASURED ...; '' for plain facts
    name: str = ""  # in a DataFrame, with its unit: 'time_s'; '' for the title's slug
    priority: int = 0  # 0 stays; where space is short the columns of the highest go first
    show: Literal["median", "bounds", "both", "data"] = "median"  # of an Interval; data: no cells
    short: str = ""  # the heading where space is short
    help: str = ""  # an explanation, shown where the reader points at the heading
    data: bool = True  # False: a rendering of another column, left out of a DataFrame
    missing: str = ""  # what is shown for None

    @cached_property
    def numeric(self) -> bool:
        """Whether the cells are numbers, set to the right and sorted as such."""
        if self.text is not None:
            return True
        return any(isinstance(v, int | float | Interval) for v in self.values)

    @property
    def label(self) -> str:
        """The title as it is shown, 'cost per million queries' where the cells are of so many."""
        times = self._scale.times if self._scale else ""
        return units.by_the(times, self.title) if times else self.title

    @property
    def heading(self) -> str:
        """Label and lens in one line."""
        return f"{self.label} ({self.lens})" if self.lens else self.label

    @property
    def key(self) -> str:
        """Its name in a DataFrame."""
        return self.name or slug(self.title).replace("-", "_")

    @cached_property
    def cells(self) -> list[str]:
        """Each value as text."""
        return [self._cell(value) for value in self.values]

    @cached_property
    def numbers(self) -> list[Number | str | None]:
        """What the column is sorted by: the medians of intervals."""
        return [v.median if isinstance(v, Interval) else v for v in self.values]

    def _cell(self, value: Value) -> str:
        if value is None:
            return self.missing
        if isinstance(value, str):
            return value
        write = self._write
        if not isinstance(value, Interval):
            return write(value)
        if self.show == "bounds":
            return units.bounds(value, write)
        return units.with_bounds(value, write) if self.show == "both" else write(value.median)

    @cached_property
    def _write(self) -> Callable[..., str]:
        if self._scale is None:
            return self.text or str
        return replace(self._scale, suffix="").write if self._scale.times else self._scale.write

    @cached_property
    def _scale(self) -> Scale | None:
        if not isinstance(self.text, Unit):
            return None
        return self.text.scale_for([n for n in self.numbers if isinstance(n, int | float)])


@dataclass(frozen=True)
class Table:
    """Columns of one length under a caption; with `has_total` the last row sums the others."""

    caption: str
    columns: Sequence[Column]
    name: str = ""  # of its DataFrame and anchor; '' for the caption's slug
    has_total: bool = False
    note: str = ""  # a sentence under the caption
    whole: bool = False  # columns that a terminal has no room for follow in a further table
    keys: int = 1  # leading columns that tell rows apart: such a further table has them again

    @cached_property
    def shown(self) -> list[Column]:
        """The columns that have a cell with text, but for those of a DataFrame alone."""
        return [c for c in self.columns if c.show != "data" and any(c.cells)]

    @property
    def rows(self) -> list[list[str]]:
        """The cells as text, row by row."""
        return [list(row) for row in zip(*(column.cells for column in self.shown), strict=True)]

    @property
    def key(self) -> str:
        """Its anchor, and the name of its DataFrame."""
        return self.name or slug(self.caption)

    def column(self, title: str) -> Column:
        """The column of that title or name."""
        return next(c for c in self.columns if title in (c.title, c.key))


@dataclass(frozen=True)
class Facts:
    """Names and values, one under the other; those without a value are left out."""

    caption: str
    pairs: Sequence[tuple[str, str]]

    @property
    def known(self) -> list[tuple[str, str]]:
        """Those with a value."""
        return [(name, value) for name, value in self.pairs if value]


@dataclass(frozen=True)
class Chart:
    """A picture: a Vega-Lite specification, made when it is first needed.

    Every colour in it is one of the theme's (theme.colour, theme.phase ...), so that it can be
    turned dark. `charts/` has one function for each.
    """

    name: str  # 'roofline': its anchor, its file and its TensorBoard tag
    title: str
    alt: str  # what it shows, in a sentence, for those who do not see it
    draw: Callable[[], Spec] = field(compare=False, repr=False)
    note: str = ""  # under the title: lens, what marks mean
    least_width: int = 340  # pixels; where the page is narrower the chart scrolls
    half: bool = False  # stands beside another one where the page is wide

    @cached_property
    def spec(self) -> Spec:
        """The specification, without characters that no file or page takes."""
        from .theme import each_text  # of charts alone, which listings have none of

        drawn = each_text(self.draw(), plain)
        assert isinstance(drawn, dict)
        return drawn


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more; a `note` is set smaller than the text."""

    text: str
    note: bool = True


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Code:
    """Text to be kept as it is: a command, a file's lines."""

    text: str


@dataclass(frozen=True)
class Tile:
    """A figure that stands large: its value, what it is, and its lens or a detail."""

    value: str
    title: str
    lens: str = ""


@dataclass(frozen=True)
class Tiles:
    """The few figures at the top of a page."""

    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Advice:
    """A sentence of advice: what it saves, where that is known, the evidence, and what to do."""

    sentence: str
    size: str = ""  # short: '31 %'
    evidence: str = ""
    action: str = ""  # the command or the change that realises it
    of: str = ""  # what the size is: 'less time per query'


@dataclass(frozen=True)
class Findings:
    """Advice, the largest first."""

    items: Sequence[Advice]


@dataclass(frozen=True)
class Example:
    """One exchange in words: (heading, text) of each part."""

    label: str
    parts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Details:
    """Blocks that a page shows on request; written out elsewhere."""

    summary: str
    blocks: "Sequence[Block]"
    is_open: bool = False


@dataclass(frozen=True)
class Beside:
    """Blocks that stand side by side where the page is wide."""

    blocks: "Sequence[Block]"


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; sections among them are its parts."""

    title: str
    blocks: "Sequence[Block]"
    name: str = ""  # its anchor; '' for the title's slug

    @property
    def key(self) -> str:
        return self.name or slug(self.title)


Block: TypeAlias = (
    Table | Facts | Chart | Paragraph | Bullets | Terms | Code | Tiles | Findings | Example
    | Details | Beside | Section
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A report: its headline, what stands before the first section, and its sections."""

    title: str
    headline: str  # one or two sentences: the answer
    sections: Sequence[Section]
    subtitle: str = ""
    lead: Sequence[Block] = ()
    footer: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)  # explained where they first appear

    @cached_property
    def filled(self) -> list[Section]:
        """The sections that hold anything, empty blocks left out."""
        return [_filled(section) for section in self.sections if not is_empty(section)]

    def tables(self) -> list[Table]:
        """Every table, in order."""
        return [block for block in self.blocks() if isinstance(block, Table)]

    def charts(self) -> list[Chart]:
        """Every chart, in order."""
        return [block for block in self.blocks() if isinstance(block, Chart)]

    def blocks(self) -> "list[Block]":
        """Every block in order, those inside others after them."""
        return [b for part in (*self.lead, *self.filled) for b in _flat(part)]

    def section(self, key: str) -> Section:
        """The section with that anchor."""
        return next(s for s in self.filled if s.key == key)


def _filled(section: Section) -> Section:
    kept = [block for block in section.blocks if not is_empty(block)]
    parts = [_filled(block) if isinstance(block, Section) else block for block in kept]
    return Section(section.title, parts, section.name)


def is_empty(block: Block) -> bool:
    """Whether a block has nothing to show."""
    match block:
        case Table():
            return not block.shown  # a column is shown for a cell of it
        case Facts():
            return not block.known
        case Tiles(tiles=held) | Findings(items=held) | Bullets(items=held):
            return not held
        case Details(blocks=parts) | Beside(blocks=parts) | Section(blocks=parts):
            return all(map(is_empty, parts))
        case Paragraph(text=text) | Code(text=text):
            return not text
        case Terms(meanings=meanings):
            return not meanings
    return False


def _flat(block: Block) -> "list[Block]":
    inside = block.blocks if isinstance(block, Section | Details | Beside) else ()
    own = [] if isinstance(block, Section) else [block]
    return own + [b for part in inside for b in _flat(part)]


def field_columns(records: Sequence[object], *fields: str, **renamed: str) -> list[Column]:
    """Fields of records as they are: 'rank', or usd='whole.usd'."""
    paths = {**{field: field for field in fields}, **renamed}
    return [Column(name, list(map(attrgetter(path), records))) for name, path in paths.items()]


def data_columns(records: Sequence[object], *fields: str, **renamed: str) -> list[Column]:
    """The same for a DataFrame alone."""
    return [replace(column, show="data") for column in field_columns(records, *fields, **renamed)]


def columns(*some: Column | Sequence[Column]) -> list[Column]:
    """Columns and lists of them as one list."""
    return [c for part in some for c in ([part] if isinstance(part, Column) else part)]


def with_interval(column: Column, bounds: int = 1) -> list[Column]:
    """A column of medians, and their 80 % intervals of a priority `bounds` higher, apart from 2."""
    title, rank = f"{column.title}, " * (bounds > 1) + "80 % interval", column.priority + bounds
    own = replace(column, title=title, short="", show="bounds", data=False, priority=rank)
    return [column, own]


def drawn(charts: Iterable[Chart | None]) -> list[Block]:
    """Those charts that there is something to draw in."""
    return [chart for chart in charts if chart is not None]
