"""report.html: one file that needs nothing but itself."""

from markupsafe import Markup

from ..records import Profile
from . import fact_tables, facts, svg, tables, units
from .compiled_facts import NOTES, signed, signed_share
from .compiled_view import target_views
from .facts import KIND_LABELS
from .headline import headline
from .lens import CONVENTIONS, TERMS, glossary
from .plot_compiled import compiled_plots
from .plots import all_plots
from .prediction_view import prediction_view
from .templating import TEMPLATES, environment
from .tiles import tiles
from .trace_tables import scopes_table, trace_notes


def html(profile: Profile) -> str:
    """The whole page."""
    every = all_plots(profile) | compiled_plots(profile)
    # Markup: these strings are our own drawings, whose text svg.py has escaped
    drawings = {name: Markup(drawn) for name, drawn in every.items()}
    template = environment(autoescape=True).get_template("report.html.j2")
    return template.render(
        profile=profile,
        style=Markup((TEMPLATES / "report.css").read_text()),
        headline=headline(profile),
        subtitle=[profile.model.dtype, facts.backend_text(profile), facts.shape_text(profile)],
        tiles=tiles(profile),
        plots=drawings,
        kinds=KIND_LABELS,
        phase_class=svg.phase_class,
        phase_table=tables.phase_table(profile),
        bytes_table=tables.bytes_table(profile),
        slots_table=tables.slots_table(profile),
        chips_table=tables.chips_table(profile),
        chip_times_table=tables.chip_times_table(profile),
        thought_table=tables.thought_table(profile),
        outcome_table=fact_tables.outcome_table(profile),
        fact_tables=[
            fact_tables.model_table(profile),
            fact_tables.workload_table(profile),
            fact_tables.machine_table(profile),
            fact_tables.provenance_table(profile),
        ],
        findings=profile.findings,
        share=units.share,
        predicted=prediction_view(profile),
        trace_notes=trace_notes(profile),
        trace_table=scopes_table(profile.trace) if profile.trace else None,
        targets=target_views(profile),
        compiled_notes=NOTES,
        signed=signed,
        signed_share=signed_share,
        compiled_style=Markup((TEMPLATES / "compiled.css").read_text()),
        glossary=glossary(profile),
        terms=TERMS,
        conventions=CONVENTIONS,
    )
