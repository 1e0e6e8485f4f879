"""A validation as Markdown: the error table of the README, and the whole report."""

from ..records.validation import Validation
from .markdown import table_markdown
from .table import Table
from .validation_tables import (
    error_table,
    left_out_table,
    peers_table,
    prefill_table,
    rows_table,
    worked_left_out_table,
    worked_table,
)

ERROR_NOTE = (
    "Error: median of |predicted / measured - 1|; bias: median of the signed error. Held out: the "
    "row's whole model or source was kept from the fit. In interval: of 80 % intervals."
)


def error_markdown(validation: Validation) -> str:
    """Errors by regime alone, for a README."""
    return f"{table_markdown(error_table(validation, 'group'))}\n\n{ERROR_NOTE}\n"


def validation_markdown(validation: Validation) -> str:
    """Everything."""
    parts = ["# Validation", f"`{validation.command}`"]
    if validation.rows:
        parts += [f"Measurements: {', '.join(validation.files)}.", ERROR_NOTE]
        parts += [_section(error_table(validation, by)) for by in ("group", "chip", "stack", "all")]
    if validation.peers:
        parts += [_section(peers_table(validation)), _section(prefill_table(validation))]
    if validation.worked:
        parts += [_section(worked_table(validation)), _section(worked_left_out_table(validation))]
    if validation.rows:
        parts += [_section(rows_table(validation.rows, fold)) for fold in ("held out", "fitted")]
    parts.append(_section(left_out_table(validation)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(table: Table) -> str:
    return f"## {table.caption}\n\n{table_markdown(table)}" if table.rows else ""
