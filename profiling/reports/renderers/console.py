"""A document in a terminal, at 80 columns and wider: what a person reads in ten seconds.

Where a table is wider than the console its least needed columns go first. Charts are left to the
pages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from .. import document as doc

WIDE = 110  # columns from which headings are written out and gaps are two wide
_LONGEST = 240  # characters of an example's text
_WRAPPED = 28  # characters from which a column of words wraps


def show(document: doc.Document, console: Console) -> None:
    """Print the document."""
    title = _text(document.title, "bold")
    if document.subtitle:
        title += Text("  ") + _text(document.subtitle, "not bold")
    console.print(title, soft_wrap=False)
    if document.headline:
        console.print(_text(document.headline, "italic"), soft_wrap=False)
    for block in (*document.lead, *document.filled):
        show_block(block, console)


def show_block(block: doc.Block, console: Console) -> None:
    """Print one block, a blank line before a section."""
    if not _has_words(block):
        return
    match block:
        case doc.Section(title=title, blocks=blocks):
            console.print()
            if title:
                console.print(_text(title, "bold"))
            _show_all(blocks, console)
        case doc.Details(blocks=blocks) | doc.Beside(blocks=blocks):
            _show_all(blocks, console)
        case doc.Table():
            _show_whole(block, console)
        case doc.Facts(known=pairs):
            _show_pairs(pairs, console)
        case doc.Terms(meanings=meanings):
            _show_pairs(meanings.items(), console)
        case doc.Tiles(tiles=tiles):
            lensed = [(t.title, f"{t.value} ({t.lens})" if t.lens else t.value) for t in tiles]
            _show_pairs(lensed, console)
        case doc.Findings(items=items):
            _show_findings(items, console)
        case doc.Example():
            _show_example(block, console)
        case doc.Paragraph(text=text, note=note):
            console.print(_text(text, "dim" if note else ""))
        case doc.Code(text=text):
            console.print(Text(doc.plain(text)))
        case doc.Bullets(items=items):
            for item in items:
                console.print(Padding(_text(f"- {item}"), (0, 0, 0, 2), expand=False))


def show_table(table: doc.Table, console: Console) -> list[doc.Column]:
    """The table with as many columns as fit, the least needed left out first; returns those."""
    kept = list(table.shown)
    while kept:
        fitted = _rich_table(kept, table, console)
        least = max(column.priority for column in kept)
        if fitted is not None or least == 0:
            console.print(fitted or _made(kept, table, 1, console))
            break
        kept = [column for column in kept if column.priority < least]
    if table.note and kept:
        console.print(_text(table.note, "dim"))
    return [column for column in table.shown if column not in kept]


def _show_whole(table: doc.Table, console: Console) -> None:
    """The table; of one that is to be whole, the columns left out beside its keys again."""
    left = show_table(table, console)
    while left and table.whole:
        console.print()
        ranked = [replace(column, priority=rank) for rank, column in enumerate(left)]
        shown = replace(table, columns=[*table.shown[: table.keys], *ranked], note="")
        still = show_table(shown, console)
        if len(still) == len(left):
            return
        left = still


def _text(text: str, style: str = "") -> Text:
    """Text of a record's or a user's as it may reach a terminal; nothing in it is markup."""
    return Text(doc.printable(text), style)


def _has_words(block: doc.Block) -> bool:
    """Whether a terminal has something of it to show."""
    if isinstance(block, doc.Section | doc.Details | doc.Beside):
        return any(map(_has_words, block.blocks))
    return not (isinstance(block, doc.Chart) or doc.is_empty(block))


def _show_all(blocks: Sequence[doc.Block], console: Console) -> None:
    several = sum(isinstance(block, doc.Table) and not doc.is_empty(block) for block in blocks) > 1
    for index, block in enumerate(blocks):
        if isinstance(block, doc.Table) and not doc.is_empty(block):
            if index:
                console.print()
            if several and block.caption:
                console.print(_text(block.caption, "dim"))
        show_block(block, console)


def _rich_table(
    columns: Sequence[doc.Column], table: doc.Table, console: Console
) -> RichTable | None:
    """It fitted into the console, the gaps narrowed if need be; None where it does not fit."""
    for gap in (2, 1) if console.width >= WIDE else (1,):
        pairs = zip(columns, _lenses(columns), strict=True)
        widths = sum(_width(column, lens, console) for column, lens in pairs)
        if widths + gap * (len(columns) - 1) <= console.width:
            return _made(columns, table, gap, console)
    return None


def _title(column: doc.Column, console: Console) -> str:
    return column.short if column.short and console.width < WIDE else column.label


def _lenses(columns: Sequence[doc.Column]) -> list[str]:
    """Each column's lens, '' where it is that of the column before."""
    before = ["", *(column.lens for column in columns)]
    return ["" if c.lens == b else c.lens for c, b in zip(columns, before[:-1], strict=True)]


def _width(column: doc.Column, lens: str, console: Console) -> int:
    """Width of a column without wrapping; words wrap where they are long."""
    cells = max((len(cell) for cell in column.cells), default=0)
    cells = cells if column.numeric else min(cells, _WRAPPED)
    return max(cells, len(lens), len(_title(column, console)))


def _made(columns: Sequence[doc.Column], table: doc.Table, gap: int, console: Console) -> RichTable:
    made = RichTable(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    over = "\n" if any(column.lens for column in columns) else ""
    for column, lens in zip(columns, _lenses(columns), strict=True):
        title = _text(_title(column, console), "bold not dim")
        heading = _text(lens, "dim") + Text(over) + title
        justify = "right" if column.numeric else "left"
        short = all(len(cell) <= _WRAPPED for cell in column.cells)
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=short)  # type: ignore[arg-type]
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for index, row in enumerate(rows):
        style = "bold" if table.has_total and index == len(rows) - 1 else ""
        made.add_row(*(_text(cell) for cell in row), style=style)
    return made


def _show_pairs(pairs: Iterable[tuple[str, str]], console: Console) -> None:
    lines = RichTable.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        lines.add_row(_text(name, "bold"), _text(value))
    console.print(lines)


def _show_findings(items: Sequence[doc.Advice], console: Console) -> None:
    for index, item in enumerate(items):
        size = _text(f"{item.size} {item.of}".strip() + ":", "bold") + Text(" ")
        line = Text(f"{index + 1}. ") + (size if item.size else Text(""))
        line += _text(item.sentence, "not bold")
        console.print(Padding(line, (0, 0, 0, 2), expand=False))
        if item.action:
            action = _text(item.action, "dim")
            console.print(Padding(action, (0, 0, 0, 5), expand=False))


def _show_example(example: doc.Example, console: Console) -> None:
    for index, (heading, text) in enumerate(example.parts):
        style = ("italic", "dim", "")[min(index, 2)]
        line = doc.printable(text)
        line = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
        line = line if index < 2 else f"\N{RIGHTWARDS ARROW} {line}"
        verdict = f" ({heading.partition(', ')[2]})" if ", " in heading else ""
        indent = 2 if index == 0 else 4
        console.print(Padding(_text(line + verdict, style), (0, 0, 0, indent), expand=False))
