"""Units: three digits, the right prefix, no false zero."""

import pytest

from rooflink.profiling.render import units


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (units.bytes_(1.07e9), "1.07 GB"),
        (units.bytes_(999), "999 B"),
        (units.bytes_(999.6e6), "1.00 GB"),
        (units.bytes_(0), "0 B"),
        (units.flops(269e6), "269 MFLOP"),
        (units.flop_rate(2.307e15), "2.31 PFLOP/s"),
        (units.bandwidth(819e9), "819 GB/s"),
        (units.seconds(0.0132), "13.2 ms"),
        (units.seconds(0.9996), "1.00 s"),
        (units.seconds(774e-6), "774 µs"),
        (units.seconds(0), "0 s"),
        (units.seconds(1284), "21.4 min"),
        (units.seconds(7200), "2.00 h"),
        (units.intensity(0.5), "0.50 FLOP/B"),
        (units.intensity(240.2), "240 FLOP/B"),
        (units.intensity(0.9996), "1.00 FLOP/B"),
        (units.rate(28.31), "28.3 tok/s"),
        (units.share(0.62), "62 %"),
        (units.share(0.0004), "<0.1 %"),
        (units.share(0.0625), "6.2 %"),
        (units.share(0), "0 %"),
        (units.count(131072), "131,072"),
        (units.ratio(1.254), "1.25\N{MULTIPLICATION SIGN}"),
        (units.span("696 ms", "729 ms"), "696 to 729 ms"),
        (units.span("940 ms", "1.02 s"), "940 ms to 1.02 s"),
        (units.tick("10.0 GB"), "10 GB"),
        (units.tick("1,000"), "1,000"),
        (units.tick("0.50"), "0.5"),
    ],
)
def test_written(written: str, expected: str) -> None:
    assert written == expected
