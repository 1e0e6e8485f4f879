"""What every page of a co-design report is filled with, whatever its format."""

from ..records.codesign import CodesignReport
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
from .codesign_words import headline


def page_parts(report: CodesignReport) -> dict[str, object]:
    """The report's views and tables by the names that its templates use."""
    return {
        "report": report,
        "headline": headline(report),
        "first": first_page(report),
        "cases": [case_view(case, i) for i, case in enumerate(report.cases)],
        "cases_table": cases_table(report.cases),
        "frontiers": frontier_views(report),
        "designs": designs_table(report.searches),
        "spent": spent_table(report.searches),
        "centers": [center_view(center, i) for i, center in enumerate(report.data_centers)],
        "centers_table": centers_table(report.data_centers),
        "seed_table": seed_table,
        "assumptions": assumptions_table(report),
        "profiles": profiles_table(report),
        "glossary": GLOSSARY,
        "conventions": CONVENTIONS,
    }
