"""report.md of a co-design report: the same figures as the page, without its drawings."""

import re

from ..records.codesign import CodesignReport
from . import units
from .codesign_parts import page_parts
from .codesign_words import sentence_case
from .markdown import fenced, inline, table_markdown
from .templating import environment


def codesign_markdown(report: CodesignReport) -> str:
    """The whole report."""
    env = environment(autoescape=False)
    env.filters.update(
        table=table_markdown,
        line=inline,
        fenced=fenced,
        sentence_case=sentence_case,
        count=units.count,
        seconds=units.seconds,
    )
    text = env.get_template("codesign.md.j2").render(
        **page_parts(report),
    )
    return re.sub(r" +$", "", re.sub(r"\n{3,}", "\n\n", text), flags=re.MULTILINE)
