"""report.html of a co-design report: one file that needs nothing but itself."""

from markupsafe import Markup

from ..records.codesign import CodesignReport
from . import svg, units
from .codesign_parts import page_parts
from .codesign_words import sentence_case
from .templating import TEMPLATES, environment

STYLES = ("report.css", "codesign.css")


def codesign_html(report: CodesignReport) -> str:
    """The whole page."""
    env = environment(autoescape=True)
    env.filters.update(sentence_case=sentence_case, count=units.count, seconds=units.seconds)
    return env.get_template("codesign.html.j2").render(
        style=Markup("".join((TEMPLATES / name).read_text() for name in STYLES)),
        phase_class=svg.phase_class,
        drawn=Markup,  # our own drawings, whose text svg.py has escaped
        **page_parts(report),
    )
