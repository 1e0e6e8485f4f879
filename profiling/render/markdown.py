"""report.md: every table, for a repository, a review or a pipeline."""

import re

from ..records import Profile
from . import fact_tables, facts, tables
from .compiled_facts import NOTES
from .compiled_view import target_views
from .headline import headline
from .lens import CONVENTIONS, TERMS, glossary
from .prediction_view import prediction_view
from .table import Table
from .templating import environment
from .trace_tables import scopes_table, trace_notes


def markdown(profile: Profile) -> str:
    """The whole report."""
    env = environment(autoescape=False)
    env.filters.update(table=table_markdown, line=inline, fenced=fenced)
    return env.get_template("report.md.j2").render(
        profile=profile,
        headline=headline(profile),
        subtitle=[profile.model.dtype, facts.backend_text(profile), facts.shape_text(profile)],
        tables=[
            tables.phase_table(profile),
            tables.bytes_table(profile),
            tables.slots_table(profile),
            tables.chips_table(profile),
            tables.chip_times_table(profile),
            tables.thought_table(profile),
            fact_tables.outcome_table(profile),
        ],
        fact_tables=[
            fact_tables.model_table(profile),
            fact_tables.workload_table(profile),
            fact_tables.machine_table(profile),
            fact_tables.provenance_table(profile),
        ],
        findings=profile.findings,
        predicted=prediction_view(profile),
        trace_notes=trace_notes(profile),
        trace_table=scopes_table(profile.trace) if profile.trace else None,
        targets=target_views(profile),
        compiled_notes=NOTES,
        glossary=glossary(profile),
        terms=TERMS,
        conventions=CONVENTIONS,
    )


def inline(text: str) -> str:
    """Text on one line with Markdown's and HTML's own characters made harmless."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]#])", r"\\\1", line)


def fenced(text: str) -> str:
    """Text as a code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def table_markdown(table: Table) -> str:
    """The table with pipes; numbers aligned to the right, a total in bold."""
    heads = [inline(column.heading) for column in table.columns]
    marks = ["---:" if column.numeric else "---" for column in table.columns]
    rows = [[inline(cell) for cell in row] for row in table.rows]
    if table.has_total:
        rows[-1] = [f"**{cell}**" if cell else "" for cell in rows[-1]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))
