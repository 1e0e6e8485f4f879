"""How records write amounts in their sentences."""

import pytest

from rooflink.profiling.records.base import significant, size_text


@pytest.mark.parametrize(
    ("amount_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (999_499, "999 kB"), (999_500, "1 MB"), (1_420_000_000, "1.42 GB"),
     (-4_410_000, "-4.41 MB")],
)  # fmt: skip
def test_a_size_has_the_unit_that_its_three_digits_need(amount_bytes: int, text: str) -> None:
    assert size_text(amount_bytes) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.012345, "0.0123"), (9.999, "10.0"), (1234.5, "1,230"), (3e20, "3.00e+20")],
)
def test_significant_digits_need_no_exponent_below_twenty_digits(value: float, text: str) -> None:
    assert significant(value) == text
