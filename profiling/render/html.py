"""report.html: one file that needs nothing but itself."""

from markupsafe import Markup

from ..record import Profile
from . import fact_tables, facts, svg, tables, units
from .facts import KIND_LABELS
from .headline import headline
from .lens import CONVENTIONS, GLOSSARY, TERMS
from .plots import all_plots
from .templating import TEMPLATES, environment
from .tiles import tiles


def html(profile: Profile) -> str:
    """The whole page."""
    # Markup: these strings are our own drawings, whose text svg.py has escaped
    drawings = {name: Markup(drawn) for name, drawn in all_plots(profile).items()}
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
        findings=facts.ranked(profile.findings),
        share=units.share,
        bytes_=units.bytes_,
        finding_size=facts.finding_size,
        glossary=GLOSSARY,
        terms=TERMS,
        conventions=CONVENTIONS,
    )
