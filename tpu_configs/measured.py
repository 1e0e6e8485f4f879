"""The machine at hand as a Chip: what profiling measured on it, in the keys of every chip file."""

from pydantic import ValidationError

from .chip import Chip
from .errors import ChipInputError
from .reading import sentence

SOURCE = "measured on this machine"


def measured_chip(
    name: str, peak_flops_float32: float, bandwidth: float, capacity_bytes: float, date: str
) -> Chip:
    """The CPU at hand, from figures that were measured on it, marked with `SOURCE`.

    `peak_flops_float32` is its best matmul in FLOP per second, `bandwidth` its main memory's in
    bytes per second, `capacity_bytes` that memory's size, `date` an ISO date. It is its own only
    chip: it has no links, no power and no price.

    Raises ChipInputError where a figure is not above zero or the date is none.
    """

    def figure(value: float, unit: str) -> dict[str, object]:
        described = {"source": SOURCE, "date": date, "confidence": "high"}
        return {"value": float(value), "unit": unit, **described}

    memory = {"capacity": figure(capacity_bytes, "B"), "bandwidth": figure(bandwidth, "B/s")}
    try:
        return Chip.model_validate(
            {
                "name": name,
                "vendor": "this machine",
                "kind": "cpu",
                "year": int(date[:4]) if date[:4].isdecimal() else 0,
                "peak": {"float32": figure(peak_flops_float32, "FLOP/s")},
                "memory": memory,
            }
        )
    except ValidationError as error:
        raise ChipInputError(f"the measured chip: {sentence(error.errors()[0])}") from None
