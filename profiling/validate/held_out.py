"""What fits that had not seen a row's model or source predicted for it, as the fit left it."""

from functools import cache
from pathlib import Path

from .. import predict
from ..record.interval import Interval
from .measurements.table import read_table

FILE = Path(predict.__file__).parent / "data" / "held_out.csv"


@cache
def held_out_predictions() -> dict[str, Interval]:
    """By `case_key`; written by the fit beside its parameters."""
    return {
        row.text("key"): Interval(
            median=row.number("median"), low=row.number("low"), high=row.number("high")
        )
        for row in read_table(FILE).rows
    }
