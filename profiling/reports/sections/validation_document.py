"""A validation as a report: errors, predicted against measured, every row, and other tools."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...records.validation import (
    FOLDS,
    ErrorSummary,
    Fold,
    MeasuredRow,
    UnpredictedRow,
    Validation,
)
from .. import units
from ..charts.validation_charts import UNITS, measured_chart
from ..document import (
    Block,
    Bullets,
    Code,
    Column,
    Details,
    Document,
    Paragraph,
    Section,
    Table,
    columns,
    drawn,
    field_columns,
    with_interval,
)
from ..terms import MEASURED

GROUPINGS = {
    "group": "regime", "length": "length", "chip": "chip", "stack": "stack", "all": "all",
}  # fmt: skip
ERROR_NOTES = (
    "Error: median of |predicted / measured - 1|; bias: median of the signed error.",
    "Held out: a row that the fit has is predicted without its whole model (a kernel's whole "
    "table), any other by the whole fit; system and stack held out: without all rows of its chip, "
    "of its serving stack. Fitted: the fit has seen it.",
    "Inside: share of the 80 % intervals that hold what was measured.",
)
AGREEMENT_NOTES = (
    "Within 10 %: two one-sided t-tests show at 5 % that predictions are on the whole neither a "
    "tenth longer nor a tenth shorter than measured, each model or table counted once; 'not shown' "
    "says that the rows are too few or too unlike to tell, or that they are further off.",
    "Distance: Kolmogorov-Smirnov, the most by which the share of predictions below any value "
    "differs from that of measurements; p is the chance of as much if both were spread alike.",
)
LEAST_ROWS = 10
"""Of a chip or stack that is shown in the table of errors; all are in the record."""
ALL_ROWS_UP_TO = 40
"""Rows that a terminal shows all; of more, the worst."""
WORST = 12


def validation_document(validation: Validation) -> Document:
    """The whole report."""
    rows, errors = validation.rows, [error_table(validation, by) for by in GROUPINGS]
    every: list[Block] = [
        Details(f"Every row, {fold}", rows_tables(rows, fold)) for fold in ("held out", "fitted")
    ]
    return Document(
        title="Validation",
        subtitle=", ".join(validation.files),
        headline=headline(validation),
        sections=[
            Section("Errors", [*errors, Bullets(ERROR_NOTES if rows else ())]),
            *_sums(validation),
            Section("Predicted against measured", drawn(measured_chart(rows, u) for u in UNITS)),
            Section("Rows", [*_worst_tables(rows), *every]),
            Section("Left out", [left_out_table(validation.left_out, "row")]),
            *_others(validation),
            Section("Provenance", [Code(validation.command)]),
        ],
        footer=validation.schema_version,
    )


def validation_summary(validation: Validation) -> Document:
    """What a terminal shows: errors, the worst rows, worked problems and other tools."""
    rows, errors = validation.rows, [error_table(validation, by) for by in GROUPINGS]
    few = len(rows) <= ALL_ROWS_UP_TO
    shown = rows_tables(rows, "held out") if few else _worst_tables(rows)
    more = [] if few else [Paragraph("All rows: --json, or --out DIR.")]
    sections = [
        *(Section(table.caption, [table]) for table in errors),
        Section("", [Bullets(ERROR_NOTES if rows else ())]),
        *_sums(validation),
        *(Section(table.caption, [table]) for table in shown),
        Section("", more),
        Section("Rows left out", [left_out_table(validation.left_out, "row")]),
        *_others(validation),
    ]
    return replace(validation_document(validation), sections=sections, footer="")


def headline(validation: Validation) -> str:
    """How many predictions there are, and how wrong they are when held out."""
    rows, left, sentences = validation.rows, validation.left_out, []
    if rows:
        out = f", {units.plural(len(left), 'row')} left out" if left else ""
        sentences.append(f"{units.plural(len(rows), 'prediction')}{out}.")
    for whole in validation.summaries:
        if (whole.by, whole.fold) != ("all", "held out") or "joules" in whole.name:
            continue
        sentences.append(
            f"Held out, the median error is {units.share(whole.median_absolute_error)} and "
            f"{units.share(whole.coverage)} of the 80 % intervals hold the measurement."
        )
    if validation.worked:
        agreed = sum(row.agrees for row in validation.worked)
        sentences.append(
            f"{agreed} of {units.plural(len(validation.worked), 'worked problem')} solved within "
            "their tolerance."
        )
    return " ".join(sentences)


def error_table(validation: Validation, by: str) -> Table:
    """Errors of one grouping: held-out rows, then the same on rows that the fit has seen."""
    summaries = [summary for summary in validation.summaries if summary.by == by]
    caption = "Errors of all rows" if by == "all" else f"Errors by {GROUPINGS[by]}"
    if by in ("chip", "stack") and (many := [s for s in summaries if s.rows >= LEAST_ROWS]):
        caption += f", {LEAST_ROWS} rows or more"
        summaries = many
    return _errors(summaries, caption, GROUPINGS[by], f"errors-{by}")


def _errors(summaries: Sequence[ErrorSummary], caption: str, by: str, name: str) -> Table:
    names = list(dict.fromkeys(summary.name for summary in summaries))
    by_key = {(summary.name, summary.fold): summary for summary in summaries}
    every = {fold: [by_key.get((each, fold)) for each in names] for fold in FOLDS}
    counts = [held_out.rows if held_out else None for held_out in every["held out"]]
    folds = [_fold_columns(fold, every[fold], rank) for rank, fold in enumerate(FOLDS)]
    rows = Column("rows", counts, units.count)
    return Table(caption, columns(Column(by, names), rows, *folds), name)


def not_shipped_table(validation: Validation) -> Table:
    """Errors of rows that the fit has seen and that may not be redistributed."""
    by_group = [each for each in validation.not_shipped if each.by == "group"]
    return _errors(by_group, "Errors of rows that do not ship", "regime", "errors-not-shipped")


def agreement_table(validation: Validation) -> Table:
    """Whether a group's held-out predictions are on the whole those measured."""
    rows = validation.agreement
    return Table(
        "Agreement of held-out predictions by regime",
        [
            Column("regime", [row.group for row in rows]),
            Column("models", [row.units for row in rows], units.count, name="units"),
            Column("mean", [row.mean_ratio - 1 for row in rows], units.change),
            Column("within 10 %", ["shown" if row.equivalent else "not shown" for row in rows],
                   name="equivalent"),
            Column("p", [row.tost_p for row in rows], "{:.2g}".format, name="tost_p", priority=2),
            Column("distance", [row.ks_distance for row in rows], "{:.2f}".format,
                   name="ks_distance"),
            Column("p of distance", [row.ks_p for row in rows], "{:.2g}".format, name="ks_p",
                   priority=2),
        ],
        name="agreement",
    )  # fmt: skip


def comparison_table(validation: Validation) -> Table:
    """Errors of rows that no fit saw beside the published ones."""
    rows = validation.comparisons
    words = {True: "yes", False: "NO", None: "nothing published"}
    return Table(
        "Rows that the fit has not seen, beside the published errors",
        [
            Column("regime", [row.group for row in rows]),
            Column("new", [row.unseen for row in rows], name="unseen"),
            Column("rows", [row.rows for row in rows], units.count),
            Column("error", [row.median_absolute_error for row in rows], units.share),
            Column("inside", [row.coverage for row in rows], units.share, priority=1),
            Column("published rows", [row.published_rows for row in rows], units.count, priority=3),
            Column("published", [row.published_error for row in rows], units.share,
                   name="published_error"),
            Column("within a quarter", [words[row.within_a_quarter] for row in rows]),
        ],
        name="comparisons",
        note="new: what the fit has no row of; 'model': it has the system and the stack, and may "
        "have other rows of the model; a quarter: at most 1.25 times the published error",
    )  # fmt: skip


def _sums(validation: Validation) -> list[Section]:
    not_shipped, sources = not_shipped_table(validation), validation.not_shipped_sources
    why = (
        f"The calibration has also seen rows of {', '.join(sources)}, whose licence does not let "
        "them be redistributed: their errors by regime are kept with it, no row is."
    )
    compared, agreement = comparison_table(validation), agreement_table(validation)
    return [
        Section(compared.caption, [compared] if compared.rows else []),
        Section(not_shipped.caption, [not_shipped, Paragraph(why)] if not_shipped.rows else []),
        Section(agreement.caption, [agreement, Bullets(AGREEMENT_NOTES)] if agreement.rows else []),
    ]


def _fold_columns(fold: Fold, summaries: Sequence[ErrorSummary | None], rank: int) -> list[Column]:
    def column(title: str, field: str, text: units.Text, priority: int = rank) -> Column:
        values = [getattr(summary, field, None) for summary in summaries]
        return Column(title, values, text, fold, f"{fold} {title}".replace(" ", "_"), priority)

    return [
        column("error", "median_absolute_error", units.share),
        column("inside", "coverage", units.share),
        column("bias", "bias", units.change, 4 + rank),
    ]


def rows_tables(rows: Sequence[MeasuredRow], fold: Fold, caption: str = "") -> list[Table]:
    """Each row: measured, predicted with its interval, error; a table for each unit."""
    made = []
    for unit, (words, write) in UNITS.items():
        shown = [(row, p) for row in rows if row.unit == unit and (p := row.predicted(fold))]
        made.append(
            Table(
                f"{caption or 'Rows'}, {fold}: {words}",
                [
                    Column("row", [row.id for row, _ in shown]),
                    Column("what", [f"{row.group}, {row.model}" for row, _ in shown], priority=1),
                    Column("where", [f"{row.slice}, {row.stack}" for row, _ in shown], priority=3),
                    Column("measured", [row.observed for row, _ in shown], write, name="measured",
                           lens=MEASURED),
                    *with_interval(Column("predicted", [p for _, p in shown], write, fold), 2),
                    Column("error", [row.error(fold) for row, _ in shown], units.change, fold),
                    Column("inside", ["yes" if row.covered(fold) else "no" for row, _ in shown],
                           priority=4),
                ],
                name=f"rows-{fold.replace(' ', '-')}-{words}{'-worst' if caption else ''}",
            )
        )  # fmt: skip
    return [table for table in made if table.rows]


def _worst_tables(rows: Sequence[MeasuredRow]) -> list[Table]:
    return rows_tables(worst(rows), "held out", f"The {min(WORST, len(rows))} worst rows")


def worst(rows: Sequence[MeasuredRow]) -> list[MeasuredRow]:
    """The rows whose held-out prediction is most times off, either way."""

    def times_off(row: MeasuredRow) -> float:
        predicted = row.predicted("held out")
        if predicted is None:
            return 0.0
        ratio = predicted.median / row.observed
        return max(ratio, 1 / ratio)

    return sorted(rows, key=times_off, reverse=True)[:WORST]


def left_out_table(left: Sequence[UnpredictedRow], what: str) -> Table:
    """What has no prediction or answer, and why."""
    return Table("", field_columns(left, **{what: "id", "reason": "reason"}), f"left-out-{what}")


def worked_table(validation: Validation) -> Table:
    """Problems with our answer and the published one."""
    rows = validation.worked
    return Table(
        "Our answer and the published one",
        [
            Column("problem", [row.id for row in rows]),
            Column("question", [row.question for row in rows], priority=2),
            Column("ours", [row.value for row in rows], _figure, name="value"),
            Column("published", [row.published for row in rows], _figure),
            Column("unit", [row.unit for row in rows]),
            Column("error", [row.error_percent for row in rows], "{:+.1f} %".format,
                   name="error_percent"),
            Column("tolerance", [row.tolerance_percent or None for row in rows], "{:g} %".format,
                   name="tolerance_percent", missing="as printed", priority=3),
            Column("agrees", ["yes" if row.agrees else "NO" for row in rows], priority=3),
        ],
        name="worked",
    )  # fmt: skip


def peers_table(validation: Validation) -> Table:
    """Tools by chip, with the deviation from the figure made by hand."""
    rows = validation.peers
    hand = {row.chip: row for row in rows if row.tool == "by hand"}

    ms = partial(units.significant, digits=4)

    def against(value: float | None, base: float | None, tool: str) -> float | None:
        return value / base - 1 if value and base and tool != "by hand" else None

    one = [against(r.decode_1_ms, hand[r.chip].decode_1_ms, r.tool) for r in rows]
    many = [against(r.decode_32_ms, hand[r.chip].decode_32_ms, r.tool) for r in rows]
    return Table(
        "Llama-3-8B, bfloat16, context 2,048, datasheet figures: one decode step and prefill",
        [
            Column("chip", [row.chip for row in rows]),
            Column("tool", [row.tool for row in rows]),
            Column("batch 1, ms", [r.decode_1_ms for r in rows], ms, name="decode_1_ms"),
            Column("against hand", one, _signed_share, name="decode_1_off"),
            Column("batch 32, ms", [r.decode_32_ms for r in rows], ms, name="decode_32_ms"),
            Column("against hand", many, _signed_share, name="decode_32_off", priority=2),
            Column("prefill, ms", [r.prefill_ms for r in rows], ms, name="prefill_ms", priority=1),
            Column("largest batch", [r.largest_batch for r in rows], units.count, priority=2),
        ],
        name="peers",
    )  # fmt: skip


def prefill_table(validation: Validation) -> Table:
    """What our prefill time is made of, and what others count besides."""
    parts = validation.prefill_parts
    chips = list(parts[0].ms) if parts else []
    return Table(
        "What our prefill counts",
        columns(
            Column("part of prefill", [part.what for part in parts]),
            Column("counted", ["yes" if part.counted else "no" for part in parts]),
            [Column(f"{chip}, ms", [part.ms[chip] for part in parts], units.significant,
                    name=f"{chip}_ms") for chip in chips],
        ),
        name="prefill",
        note="other tools count some of what is marked 'no'",
    )  # fmt: skip


def _others(validation: Validation) -> list[Section]:
    return [
        Section("Other tools", [peers_table(validation), prefill_table(validation)], "peers"),
        Section("Worked problems",
                [worked_table(validation), left_out_table(validation.worked_left_out, "problem")]),
    ]  # fmt: skip


def _figure(value: float) -> str:
    if value >= 1e7:
        return f"{value:.4g}"
    return units.count(value) if value >= 1e3 else units.significant(value, 4)


def _signed_share(value: float) -> str:
    return f"{100 * value:+.1f} %"
