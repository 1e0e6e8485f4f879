"""The tables of phases: all questions', and the mean ledger of a question."""

from collections.abc import Sequence

from ..records.evaluation import Evaluation, LedgerEntry
from . import amounts, units
from .evaluation_text import each_text
from .lens import COUNTED, PREDICTED
from .table import Column, Table


def phases_table(evaluation: Evaluation) -> Table:
    """Tokens, FLOPs and bytes of every phase of every cell, a query."""
    rows = []
    for cell in evaluation.cells:
        n = len(cell.questions)
        for phase in cell.phases:
            counted = phase.counted
            rows.append(
                [
                    cell.label,
                    phase.name,
                    units.significant(phase.tokens / n),
                    units.significant(phase.forced_tokens / n) if phase.forced_tokens else "",
                    units.flops(counted.flops / n),
                    units.bytes_(counted.hbm_bytes.total / n),
                    units.intensity_number(counted.intensity),
                    units.count(phase.steps),
                ]
            )
    columns = [
        Column("strategy", numeric=False), Column("phase", numeric=False),
        Column("tokens a query", COUNTED), Column("of them forced", COUNTED),
        Column("FLOPs a query", COUNTED), Column("bytes a query", COUNTED),
        Column("FLOP/B", COUNTED), Column("passes, all"),
    ]  # fmt: skip
    return Table("Phases", columns, rows)


def ledger_table(evaluation: Evaluation) -> Table:
    """The mean ledger of a question in each cell: phases apart, discarded branches apart."""
    rows = []
    for cell in evaluation.cells:
        ledgers = [q.ledger for q in cell.questions if q.ledger is not None]
        if not ledgers:
            continue
        n = len(ledgers)
        keys = dict.fromkeys((e.phase, e.discarded) for ledger in ledgers for e in ledger.entries)
        for phase, gone in keys:
            same = [
                e for ld in ledgers for e in ld.entries if (e.phase, e.discarded) == (phase, gone)
            ]
            rows.append(_ledger_row(cell.label, f"{phase}, discarded" if gone else phase, same, n))
        saved = [ledger.saved for ledger in ledgers]
        if any(each.tokens or each.hbm_bytes for each in saved):
            tokens, flops, moved = (
                sum(getattr(each, name) for each in saved) / n
                for name in ("tokens", "flops", "hbm_bytes")
            )
            rows.append(
                [cell.label, "saved by sharing the prompt", f"-{units.significant(tokens)}", "",
                 f"-{units.flops(flops)}", f"-{units.bytes_(moved)}", "", ""]
            )  # fmt: skip
    where = f" on {evaluation.ledger_slice}" if evaluation.ledger_slice else ""
    columns = [
        Column("strategy", numeric=False), Column("phase", numeric=False),
        Column("tokens", COUNTED), Column("forced", COUNTED), Column("FLOPs", COUNTED),
        Column("bytes", COUNTED), Column(f"energy{where}", PREDICTED),
        Column(f"${where}", PREDICTED),
    ]  # fmt: skip
    return Table("Ledger of a question, in the mean", columns, rows)


def _ledger_row(label: str, phase: str, entries: Sequence[LedgerEntry], n: int) -> list[str]:
    def mean(name: str) -> float | None:
        found = [getattr(entry, name) for entry in entries]
        return None if any(each is None for each in found) else sum(found) / n

    return [
        label, phase, units.significant(mean("tokens") or 0.0),
        units.significant(forced) if (forced := mean("forced_tokens")) else "",
        units.flops(mean("flops") or 0.0), units.bytes_(mean("hbm_bytes") or 0.0),
        *each_text([mean("wall_j")], amounts.joules), *each_text([mean("usd")], amounts.usd),
    ]  # fmt: skip
