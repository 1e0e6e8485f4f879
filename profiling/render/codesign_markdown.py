"""report.md of a co-design report: the same figures as the page, without its drawings."""

import re

from ..record.codesign import CodesignReport
from . import units
from .codesign_asks import first_page
from .codesign_center_tables import centers_table
from .codesign_lens import CONVENTIONS, GLOSSARY
from .codesign_search_tables import (
    assumptions_table,
    designs_table,
    profiles_table,
    seed_table,
    spent_table,
)
from .codesign_tables import cases_table
from .codesign_view import case_view, center_view, frontier_views
from .codesign_words import headline, sentence_case
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
        report=report,
        headline=headline(report),
        first=first_page(report),
        cases=[case_view(case, i) for i, case in enumerate(report.cases)],
        cases_table=cases_table(report.cases),
        frontiers=frontier_views(report),
        designs=designs_table(report.searches),
        spent=spent_table(report.searches),
        centers=[center_view(center, i) for i, center in enumerate(report.data_centers)],
        centers_table=centers_table(report.data_centers),
        seed_table=seed_table,
        assumptions=assumptions_table(report),
        profiles=profiles_table(report),
        glossary=GLOSSARY,
        conventions=CONVENTIONS,
    )
    return re.sub(r" +$", "", re.sub(r"\n{3,}", "\n\n", text), flags=re.MULTILINE)
