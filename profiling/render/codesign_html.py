"""report.html of a co-design report: one file that needs nothing but itself."""

from markupsafe import Markup

from ..record.codesign import CodesignReport
from . import svg, units
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
from .templating import TEMPLATES, environment

STYLES = ("report.css", "codesign.css")


def codesign_html(report: CodesignReport) -> str:
    """The whole page."""
    env = environment(autoescape=True)
    env.filters.update(sentence_case=sentence_case, count=units.count, seconds=units.seconds)
    return env.get_template("codesign.html.j2").render(
        report=report,
        style=Markup("".join((TEMPLATES / name).read_text() for name in STYLES)),
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
        phase_class=svg.phase_class,
        drawn=Markup,  # our own drawings, whose text svg.py has escaped
        glossary=GLOSSARY,
        conventions=CONVENTIONS,
    )
