"""A chip with figures set by hand."""

import pytest

from rooflink.tpu_configs.catalog import chip_stem, load_chip
from rooflink.tpu_configs.changed_chip import SOURCE, with_figures
from rooflink.tpu_configs.input_errors import ChipInputError

V5E = load_chip("v5e")


@pytest.mark.parametrize(
    ("change", "bandwidth"),
    [
        ("memory.bandwidth=2x", 2 * V5E.hbm_bandwidth),
        ("memory.bandwidth = 0.5 \N{MULTIPLICATION SIGN}", 0.5 * V5E.hbm_bandwidth),
        ("memory.bandwidth=3.2TB/s", 3.2e12),
        ("memory.bandwidth=800 GB/s", 8e11),
        ("memory.bandwidth=1.5e12", 1.5e12),
        ("memory.bandwidth=1 TiB/s", 2.0**40),
    ],
)
def test_a_figure_is_a_multiple_or_in_its_unit(change: str, bandwidth: float) -> None:
    changed = with_figures(V5E, [change])
    assert changed.hbm_bandwidth == pytest.approx(bandwidth, rel=1e-12)
    assert changed.memory.bandwidth.source == SOURCE
    assert changed.memory.bandwidth.confidence == changed.confidence == "claimed"
    assert changed.memory.capacity == V5E.memory.capacity
    assert chip_stem(changed) == "TPU v5e"  # no longer the one that ships


def test_several_are_set_and_none_leaves_the_chip_as_it_is() -> None:
    changed = with_figures(V5E, ["memory.capacity=32 GB", "peak.bfloat16=2x", "cores.per_chip=2"])
    assert changed.hbm_capacity_bytes == 32e9
    assert changed.peak_flops("bfloat16").flop_per_s == 2 * V5E.peak_flops("bfloat16").flop_per_s
    assert with_figures(V5E, []) == V5E


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("memory.bandwith=2x", "no figure 'memory.bandwith' to set: expected memory.bandwidth"),
        ("memory=2x", "no figure 'memory'"),
        ("memory.bandwidth", "sets no figure: expected KEY=2x"),
        ("memory.bandwidth=fast", "sets no figure"),
        ("memory.bandwidth=2.2.2x", "sets no figure"),
        ("memory.bandwidth=3TB", "is not in B/s: expected a multiple such as 2x"),
        ("memory.bandwidth=0x", "memory.bandwidth.value is 0.0"),
        ("cores.per_chip=1.5", "expected a whole number"),
    ],
)
def test_what_cannot_be_set_is_said(change: str, said: str) -> None:
    with pytest.raises(ChipInputError) as refused:
        with_figures(V5E, [change])
    assert said in str(refused.value)
