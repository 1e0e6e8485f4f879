"""report.md and report.html of an evaluation."""

from markupsafe import Markup

from ..records.evaluation import Evaluation
from . import svg
from .evaluation_all_tables import all_tables
from .evaluation_facts import facts_table, headline, notes, subtitle
from .evaluation_plots import evaluation_plots
from .markdown import fenced, inline, table_markdown
from .templating import TEMPLATES, environment


def evaluation_markdown(evaluation: Evaluation) -> str:
    """Every table and note."""
    env = environment(autoescape=False)
    env.filters.update(table=table_markdown, line=inline, fenced=fenced)
    return env.get_template("evaluation.md.j2").render(**_shared(evaluation))


def evaluation_html(evaluation: Evaluation) -> str:
    """One file that needs nothing but itself."""
    style = "".join((TEMPLATES / name).read_text() for name in ("report.css", "evaluation.css"))
    # Markup: these strings are our own drawings, whose text svg.py has escaped
    plots = [
        (name, caption, Markup(drawn)) for name, caption, drawn in evaluation_plots(evaluation)
    ]
    template = environment(autoescape=True).get_template("evaluation.html.j2")
    return template.render(
        **_shared(evaluation), style=Markup(style), plots=plots, phase_class=svg.phase_class
    )


def _shared(evaluation: Evaluation) -> dict[str, object]:
    return {
        "evaluation": evaluation,
        "headline": headline(evaluation),
        "subtitle": subtitle(evaluation),
        "notes": notes(evaluation),
        "tables": all_tables(evaluation),
        "facts": facts_table(evaluation),
    }
