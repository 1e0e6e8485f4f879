"""The machine at hand as a chip: 'cpu' wherever a chip's name or a slice is taken."""

import platform
from datetime import UTC, datetime
from functools import cache

from ...model.memory import available_bytes
from ...tpu_configs.catalog import load_chip
from ...tpu_configs.chip import Chip
from ...tpu_configs.errors import ChipInputError
from ...tpu_configs.measured import measured_chip
from ...tpu_configs.slice import Slice, parse_slice
from ..backend import choose_backend
from .limits import measure_limits

MACHINE = "cpu"


@cache
def machine_chip() -> Chip:
    """This machine's processor: its best matmul in float32, read bandwidth and free memory.

    Measuring takes a few seconds, once a process. Raises ChipInputError where the memory is not
    known.
    """
    choose_backend()
    capacity_bytes = available_bytes()
    if capacity_bytes is None:
        raise ChipInputError("this machine does not say how much memory it has: describe it in a "
                             "chip file")  # fmt: skip
    limits = measure_limits("float32")
    return measured_chip(
        name=f"this {platform.machine()} machine",
        peak_flops_float32=limits.matmul_flops,
        bandwidth=limits.read_bandwidth,
        capacity_bytes=float(capacity_bytes),
        date=datetime.now(UTC).date().isoformat(),
    )


def chip_named(name: str) -> Chip:
    """What `load_chip` takes, and 'cpu' for this machine."""
    return machine_chip() if name.strip().lower() == MACHINE else load_chip(name)


def slice_named(text: str) -> Slice:
    """What `parse_slice` takes, and 'cpu' for this machine."""
    return Slice(machine_chip(), (1,)) if text.strip().lower() == MACHINE else parse_slice(text)
