"""The CPU at hand as a chip, from what was measured on it."""

import pytest

from rooflink.tpu_configs.catalog import measured_chip
from rooflink.tpu_configs.figure import figures_in
from rooflink.tpu_configs.input_errors import ChipInputError


def test_a_measured_cpu_is_a_chip_whose_figures_say_so() -> None:
    chip = measured_chip("laptop", 1e11, 2e10, 16e9, "2026-11-22")
    assert (chip.name, chip.kind, chip.year) == ("laptop", "cpu", 2026)
    assert chip.peak_flops("bfloat16") == (1e11, "float32")
    assert chip.ridge("float32") == 5
    assert chip.hbm_capacity_bytes == 16e9
    assert chip.links is None
    found = figures_in(chip)
    assert set(found) == {"peak.float32", "memory.capacity", "memory.bandwidth"}
    for figure in found.values():
        assert figure.source == "measured on this machine"
        assert figure.date == "2026-11-22"


@pytest.mark.parametrize(
    ("figures", "date", "said"),
    [
        ((0.0, 2e10, 16e9), "2026", "peak.float32.value is 0.0, expected greater than 0"),
        ((1e11, -1.0, 16e9), "2026", "memory.bandwidth.value is -1.0"),
        ((1e11, 2e10, float("nan")), "2026", "memory.capacity.value is nan"),
        ((1e11, 2e10, 16e9), "today", "expected"),
    ],
)
def test_what_cannot_have_been_measured_is_refused(
    figures: tuple[float, float, float], date: str, said: str
) -> None:
    with pytest.raises(ChipInputError, match=f"^the measured chip: .*{said}"):
        measured_chip("laptop", *figures, date)
