"""A document as Markdown: for a repository, a review or a pipeline."""

import re
from collections.abc import Iterator, Sequence

from .. import document as doc


def markdown(document: doc.Document, pictures: str = "") -> str:
    """The whole document; `pictures` is the folder, as seen from it, of its charts as SVG files.

    Without one charts are left out.
    """
    parts = [f"# {inline(document.title)}", inline(document.headline), inline(document.subtitle)]
    parts += _all([*document.lead, *document.filled], 2, pictures)
    parts.append(inline(document.footer))
    return "\n\n".join(part for part in parts if part) + "\n"


def inline(text: str) -> str:
    """Text on one line with Markdown's and HTML's own characters made harmless."""
    line = doc.printable(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]#~])", r"\\\1", line)


def kept(text: str) -> str:
    """Text with its lines: as code, or as a quotation where it might be taken for HTML."""
    if "<" not in text:
        return fenced(doc.plain(text))
    return "\\\n".join(f"> {inline(line)}" for line in doc.plain(text).split("\n"))


def fenced(text: str, language: str = "text") -> str:
    """Text as a code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table_markdown(table: doc.Table) -> str:
    """The table with pipes; numbers aligned to the right, a total in bold."""
    heads = [inline(column.heading) for column in table.shown]
    marks = ["---:" if column.numeric else "---" for column in table.shown]
    rows = [[inline(cell) for cell in row] for row in table.rows]
    if table.has_total:
        rows[-1] = [f"**{cell}**" if cell else "" for cell in rows[-1]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))


def _block(block: doc.Block, level: int, pictures: str) -> Iterator[str]:
    """The paragraphs of a block."""
    if doc.is_empty(block):
        return
    match block:
        case doc.Section(title=title, blocks=blocks):
            yield f"{'#' * min(level, 6)} {inline(title)}"
            yield from _all(blocks, level + 1, pictures)
        case doc.Details(summary=summary, blocks=blocks):
            yield f"**{inline(summary)}**"
            yield from _all(blocks, level, pictures)
        case doc.Beside(blocks=blocks):
            yield from _all(blocks, level, pictures)
        case doc.Chart():
            yield from _chart(block, pictures)
        case doc.Table():
            yield from filter(None, (_caption(block.caption), inline(block.note)))
            yield table_markdown(block)
        case doc.Facts():
            yield _caption(block.caption)
            rows = [f"| {inline(name)} | {inline(value)} |" for name, value in block.known]
            yield "\n".join(["| what | value |", "| --- | --- |", *rows])
        case doc.Example(label=label, parts=parts):
            yield f"**{inline(label)}**"
            for heading, text in parts:
                yield inline(heading)
                yield kept(text)
        case _:
            yield _words(block)


def _all(blocks: Sequence[doc.Block], level: int, pictures: str) -> Iterator[str]:
    for block in blocks:
        yield from _block(block, level, pictures)


def _caption(caption: str) -> str:
    return f"**{inline(caption)}**" if caption else ""


def _chart(chart: doc.Chart, pictures: str) -> Iterator[str]:
    if pictures:
        note = f". {chart.note}" if chart.note else ""
        yield f"**{inline(chart.title)}**{inline(note)}"
        yield f"![{inline(chart.alt)}]({pictures}/{chart.name}.svg)"


def _words(block: doc.Block) -> str:
    match block:
        case doc.Paragraph(text=text):
            return inline(text)
        case doc.Code(text=text):
            return kept(text)
        case doc.Tiles(tiles=tiles):
            titles = [f"{tile.title} ({tile.lens})" if tile.lens else tile.title for tile in tiles]
            pairs = zip(tiles, titles, strict=True)
            return "\n".join(f"- **{inline(t.value)}** {inline(title)}" for t, title in pairs)
        case doc.Bullets(items=items):
            return "\n".join(f"- {inline(item)}" for item in items)
        case doc.Terms(meanings=meanings):
            return "\n".join(f"- **{inline(name)}**: {inline(m)}" for name, m in meanings.items())
        case doc.Findings(items=items):
            return "\n".join(f"{n + 1}. {_advice(item)}" for n, item in enumerate(items))
    raise TypeError(f"{type(block).__name__} is no block of words")


def _advice(advice: doc.Advice) -> str:
    size = f"**{inline(f'{advice.size} {advice.of}'.strip())}.**" if advice.size else ""
    action = f"Try: {inline(advice.action)}" if advice.action else ""
    parts = (size, inline(advice.sentence), inline(advice.evidence), action)
    return " ".join(part for part in parts if part)
