"""Our bare roofline on the case that other tools were run on."""

import pytest

from rooflink.profiling.validation.peers import BY_HAND, CHIPS, OURS, peer_rows, prefill_parts


@pytest.mark.parametrize("chip", CHIPS)
def test_decode_is_within_a_percent_of_the_hand_made_figure(chip: str) -> None:
    rows = {row.tool: row for row in peer_rows() if row.chip == chip}
    hand, ours = rows[BY_HAND], rows[OURS]
    assert ours.decode_1_ms == pytest.approx(hand.decode_1_ms, rel=0.01)
    assert ours.decode_32_ms == pytest.approx(hand.decode_32_ms, rel=0.01)


def test_prefill_is_what_a_hand_makes_it() -> None:
    """7.504e9 weights less the head's 0.525e9, 2 FLOPs each for 2,048 tokens; causal attention of
    2,048 * 2,049 / 2 pairs, 4 FLOPs for each of 32 layers of 4,096; the head once; 312 TFLOP/s."""
    blocks = 2 * 2048 * 6_979_321_856
    attention = 4 * (2048 * 2049 / 2) * 32 * 4096
    head = 2 * 128256 * 4096
    ours = next(row for row in peer_rows() if (row.tool, row.chip) == (OURS, "a100"))
    assert ours.prefill_ms == pytest.approx(1e3 * (blocks + attention + head) / 312e12, rel=1e-4)


def test_the_parts_make_up_our_prefill() -> None:
    counted = sum(part.ms["h100"] for part in prefill_parts() if part.counted)
    ours = next(row for row in peer_rows() if (row.tool, row.chip) == (OURS, "h100"))
    assert ours.prefill_ms == pytest.approx(counted, rel=1e-5)


def test_a_batch_of_32_is_said_not_to_fit_a_v5e() -> None:
    """17.2 GB less a twentieth and 16.06 GB of weights leaves 0.28 GB: one cache of 0.27 GB."""
    fits = {row.chip: row.largest_batch for row in peer_rows() if row.tool == OURS}
    assert fits["v5e"] == 1
    assert fits["a100"] is not None
    assert fits["a100"] > 32
