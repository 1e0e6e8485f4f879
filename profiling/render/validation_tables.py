"""Tables of a validation, for Markdown and the terminal alike."""

from collections.abc import Sequence

from ..records.validation import ErrorSummary, Fold, MeasuredRow, Validation
from . import amounts, units
from .table import Column, Table

GROUPINGS = {"all": "all", "group": "regime", "chip": "chip", "stack": "stack"}
FOLDS: tuple[Fold, ...] = ("held out", "fitted")


def percent(value: float, signed: bool = False) -> str:
    """12 %, +3.4 %."""
    text = units.share(abs(value))
    sign = "-" if value < 0 else "+"
    return f"{sign}{text}" if signed and value else text


def quantity(value: float, unit: str) -> str:
    """Seconds or joules with a prefix."""
    return units.seconds(value) if unit == "s" else amounts.joules(value)


def error_table(validation: Validation, by: str) -> Table:
    """Errors of one grouping: held-out rows, then the same on rows that the fit has seen."""
    found = [each for each in validation.summaries if each.by == by]
    names = list(dict.fromkeys(each.name for each in found))
    by_key = {(each.name, each.fold): each for each in found}
    columns = [Column(GROUPINGS[by], numeric=False)]
    for fold in FOLDS:
        columns += [
            Column("rows", fold),
            Column("error", fold),
            Column("bias", fold),
            Column("in interval", fold),
        ]
    rows = []
    for name in names:
        cells = [name]
        for fold in FOLDS:
            cells += _summary_cells(by_key.get((name, fold)))
        rows.append(cells)
    return Table(f"Errors by {GROUPINGS[by]}" if by != "all" else "Errors", columns, rows)


def _summary_cells(summary: ErrorSummary | None) -> list[str]:
    if summary is None:
        return [""] * 4
    return [
        units.count(summary.rows),
        percent(summary.median_absolute_error),
        percent(summary.bias, signed=True),
        percent(summary.coverage),
    ]


def rows_table(rows: Sequence[MeasuredRow], fold: Fold) -> Table:
    """Each row: measured, predicted with its interval, error."""
    columns = [
        Column("row", numeric=False),
        Column("what", numeric=False),
        Column("where", numeric=False),
        Column("measured"),
        Column("predicted"),
        Column("80 % interval"),
        Column("error"),
        Column("inside"),
    ]
    cells = [_row_cells(row, fold) for row in rows if row.predicted(fold)]
    return Table(f"Rows, {fold}", columns, cells)


def _row_cells(row: MeasuredRow, fold: Fold) -> list[str]:
    predicted, error = row.predicted(fold), row.error(fold)
    assert predicted is not None
    assert error is not None
    low, high = (quantity(value, row.unit) for value in (predicted.low, predicted.high))
    return [
        row.id,
        f"{row.group}, {row.model}",
        f"{row.slice}, {row.stack}",
        quantity(row.observed, row.unit),
        quantity(predicted.median, row.unit),
        units.span(low, high),
        percent(error, signed=True),
        "yes" if row.covered(fold) else "no",
    ]


def left_out_table(validation: Validation) -> Table:
    """Rows without a prediction."""
    columns = [Column("row", numeric=False), Column("reason", numeric=False)]
    rows = [[each.id, each.reason] for each in validation.left_out]
    return Table("Left out", columns, rows)


def worked_table(validation: Validation) -> Table:
    """Problems with our answer and the published one."""
    columns = [
        Column("problem", numeric=False),
        Column("question", numeric=False),
        Column("ours"),
        Column("published"),
        Column("unit", numeric=False),
        Column("error"),
        Column("tolerance"),
        Column("agrees"),
    ]
    rows = [
        [
            each.id,
            each.question,
            _figure(each.value),
            _figure(each.published),
            each.unit,
            f"{each.error_percent:+.1f} %",
            f"{each.tolerance_percent:g} %" if each.tolerance_percent else "as printed",
            "yes" if each.agrees else "NO",
        ]
        for each in validation.worked
    ]
    return Table("Worked problems", columns, rows)


def _figure(value: float) -> str:
    if value >= 1e7:
        return f"{value:.4g}"
    return units.count(value) if value >= 1e3 else units.significant(value, 4)


def worked_left_out_table(validation: Validation) -> Table:
    """Problems that are not solved."""
    columns = [Column("problem", numeric=False), Column("reason", numeric=False)]
    rows = [[each.id, each.reason] for each in validation.worked_left_out]
    return Table("Worked problems left out", columns, rows)


def peers_table(validation: Validation) -> Table:
    """Tools by chip, in milliseconds, with the deviation from the hand-made figure."""
    columns = [
        Column("chip", numeric=False),
        Column("tool", numeric=False),
        Column("batch 1"),
        Column("to hand"),
        Column("batch 32"),
        Column("to hand"),
        Column("prefill"),
        Column("largest batch"),
    ]
    hand = {row.chip: row for row in validation.peers if row.tool == "by hand"}
    rows = []
    for row in validation.peers:
        base = hand[row.chip]
        by_hand = row is base
        rows.append(
            [
                row.chip,
                row.tool,
                _ms(row.decode_1_ms),
                "" if by_hand else _against(row.decode_1_ms, base.decode_1_ms),
                _ms(row.decode_32_ms),
                "" if by_hand else _against(row.decode_32_ms, base.decode_32_ms),
                _ms(row.prefill_ms),
                "" if row.largest_batch is None else units.count(row.largest_batch),
            ]
        )
    return Table(
        "Llama-3-8B, bfloat16, context 2,048, datasheet figures: decode and prefill, ms",
        columns,
        rows,
    )


def _ms(value: float | None) -> str:
    return "" if value is None else units.significant(value, 4)


def _against(value: float | None, base: float | None) -> str:
    if value is None or base is None:
        return ""
    return f"{100 * (value / base - 1):+.1f} %"


def prefill_table(validation: Validation) -> Table:
    """What our prefill time is made of, and what others count besides."""
    chips = list(validation.prefill_parts[0].ms) if validation.prefill_parts else []
    columns = [Column("part of prefill", numeric=False), Column("counted", numeric=False)]
    columns += [Column(f"{chip} (ms)") for chip in chips]
    rows = [
        [
            part.what,
            "yes" if part.counted else "no",
            *(units.significant(part.ms[chip]) for chip in chips),
        ]
        for part in validation.prefill_parts
    ]
    return Table("What our prefill counts", columns, rows)
