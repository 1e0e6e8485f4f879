"""Levers measured as a report: what each did to the answers, beside its bytes and its dollars."""

from collections.abc import Sequence

from ...records.base import Interval
from ...records.lever_study import LeverStudy, MeasuredLever
from .. import units
from ..charts.lever_chart import lever_chart
from ..codesign_words import signed
from ..document import Bullets, Column, Document, Section, Table, columns, data_columns, drawn
from ..estimates import interval_of
from ..terms import COUNTED, MEASURED, PREDICTED
from .profile_facts import provenance_facts


def levers_document(study: LeverStudy) -> Document:
    """The whole report."""
    slices = [cost.slice for cost in study.base.slices]
    charts = [lever_chart(study, None), *(lever_chart(study, name) for name in slices)]
    return Document(
        title=study.name,
        subtitle=subtitle(study),
        headline=headline(study),
        lead=[levers_table(study), changes_table(study), Bullets(notes(study))],
        sections=[
            Section("Quality against cost", drawn(charts), "quality"),
            Section("Predicted on slices", [costs_table(study)], "slices"),
            Section("Provenance", [provenance_facts(study.provenance)]),
        ],
        footer=f"{study.schema_version}, {study.provenance.created}",
    )


def levers_summary(study: LeverStudy) -> Document:
    """What matters most, for a terminal."""
    return Document(
        title=study.task,
        subtitle=subtitle(study),
        headline=headline(study),
        sections=[
            Section("Levers", [levers_table(study), changes_table(study)]),
            Section("Predicted on slices", [costs_table(study)]),
            Section("", [Bullets(notes(study))]),
        ],
    )


def subtitle(study: LeverStudy) -> str:
    """Model and sizes."""
    return (
        f"{study.model} ({units.parameters(study.parameters)}, {study.dtype}), "
        f"{units.plural(study.problems, 'problem')} of {study.task}, {study.batch} per batch, "
        f"thoughts of at most {study.think_budget} tokens"
    )


def headline(study: LeverStudy) -> str:
    """How many levers lose answers, and which of the others moves the fewest bytes."""
    if not study.levers:
        return "No lever was measured."
    kept = [lever for lever in study.levers if not loses(lever)]
    right = units.percent(study.base.accuracy.value)
    sentences = [
        f"{study.model} answers {right} of {units.plural(study.problems, 'problem')}; "
        f"{len(study.levers) - len(kept)} of {len(study.levers)} levers lose answers beyond "
        "what chance explains (the interval of the difference is below 0)."
    ]
    if kept:
        least = min(kept, key=lambda lever: lever.hbm_bytes)
        less = 1 - least.hbm_bytes / study.base.hbm_bytes
        sentences.append(
            f"Of the others '{least.lever}' moves the fewest bytes: {units.share(abs(less))} "
            f"{'less' if less >= 0 else 'more'} per query."
        )
    return " ".join(sentences)


def loses(lever: MeasuredLever) -> bool:
    """Whether answers are lost beyond what chance explains."""
    return lever.difference is not None and lever.difference.high < 0


def points(lever: MeasuredLever) -> str:
    """'-0.4 points (-1.9 to +1.1)'."""
    if lever.difference is None:
        return ""
    value, low, high = (
        signed(100 * each, 1)
        for each in (lever.difference.value, lever.difference.low, lever.difference.high)
    )
    return f"{value} points ({low} to {high})"


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 1e-3 else f"{p_value:.3f}"


def levers_table(study: LeverStudy) -> Table:
    """The base and every lever: answers, then what a query takes."""
    rows = [study.base, *study.levers]
    pairs = [row.difference for row in rows]
    return Table(
        "Levers",
        columns(
            Column("lever", [row.lever for row in rows]),
            Column("right", [interval_of(row.accuracy) for row in rows], units.percent, MEASURED,
                   name="accuracy"),
            Column("difference", [points(row) for row in rows], lens=MEASURED, data=False),
            Column("p-value", [pair.p_value if pair else None for pair in pairs],
                   _p_text, MEASURED, name="p_value", priority=4,
                   help="McNemar's exact test on the same problems."),
            Column("other answers", [pair.answers_changed if pair else None for pair in pairs],
                   units.count, MEASURED, name="answers_changed", priority=3),
            Column("thought tokens", [row.thought_tokens for row in rows], units.significant,
                   COUNTED, name="thought_tokens", priority=4),
            Column("HBM bytes per query", [row.hbm_bytes for row in rows], units.bytes_, COUNTED,
                   name="hbm_bytes", priority=1),
            Column("FLOPs per query", [row.flops for row in rows], units.flops, COUNTED,
                   name="flops", priority=2),
            Column("weights", [row.weight_bytes for row in rows], units.bytes_, COUNTED,
                   name="weight_bytes", priority=3),
            Column("difference_value", [pair.value if pair else None for pair in pairs],
                   show="data"),
            Column("difference_low", [pair.low if pair else None for pair in pairs], show="data"),
            Column("difference_high", [pair.high if pair else None for pair in pairs],
                   show="data"),
            data_columns(rows, "kind"),
        ),
        name="levers",
        whole=True,
    )  # fmt: skip


def changes_table(study: LeverStudy) -> Table:
    """What each lever changes, and what that can save."""
    rows = study.levers
    return Table(
        "What was changed",
        [
            Column("lever", [row.lever for row in rows]),
            Column("change", [row.change for row in rows]),
            Column("saves", [row.saves for row in rows]),
        ],
        name="lever-changes",
    )


def costs_table(study: LeverStudy) -> Table:
    """A query and a correct answer on each slice."""
    rows = [(row, cost) for row in (study.base, *study.levers) for cost in row.slices]
    correct: Sequence[Interval | None] = [
        cost.per_correct.usd if cost.per_correct else None for _, cost in rows
    ]
    return Table(
        "Cost of a query and of a correct answer",
        [
            Column("lever", [row.lever for row, _ in rows]),
            Column("slice", [cost.slice for _, cost in rows]),
            Column("time per query", [cost.time_s for _, cost in rows], units.seconds, PREDICTED,
                   name="query_s", priority=2),
            Column("cost per query", [cost.amounts.usd for _, cost in rows], units.usd, PREDICTED,
                   name="query_usd", priority=1),
            Column("cost per correct answer", correct, units.usd, PREDICTED, name="correct_usd",
                   show="both", missing="none right"),
        ],
        name="lever-costs",
    )  # fmt: skip


def notes(study: LeverStudy) -> list[str]:
    """What was left out, then the record's own."""
    out = [f"Left out: {each}." for each in study.left_out]
    return [*out, *study.notes]
