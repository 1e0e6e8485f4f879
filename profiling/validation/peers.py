"""Other tools' numbers beside our bare roofline: Llama-3-8B in bfloat16, context 2,048."""

from dataclasses import replace
from pathlib import Path

from ...model.architecture import shape_of
from ...model.config import preset
from ...tpu_configs.catalog import load_chip
from ..predicted.step.attention_work import capacity
from ..predicted.step.collectives import ONE_CHIP
from ..predicted.step.hardware import IDEAL, hardware_of
from ..predicted.step.step_work import Spread, step_work
from ..predicted.step.time_model import step_terms
from ..predicted.step.work import Load, Widths, Work, decode_load, prefill_load
from ..records.validation import PeerRow, PrefillPart
from .measurements.csv_rows import Row, read_rows

FILE = Path(__file__).parent / "data" / "peers.csv"
BY_HAND, OURS = "by hand", "rooflink --ideal"
CONTEXT = 2048.0
CHIPS = ("a100", "h100", "v5e")
_SHAPE = shape_of(preset("llama3-8b"))
_WIDTHS = Widths(2.0, 2.0, 2.0)


def peer_rows() -> list[PeerRow]:
    """By chip: by hand, ours, the others."""
    peers = [_peer(row) for row in read_rows(FILE)]
    rows: list[PeerRow] = []
    for chip in CHIPS:
        of_chip = [row for row in peers if row.chip == chip]
        hand = [row for row in of_chip if row.tool == BY_HAND]
        rows += [*hand, our_row(chip), *(row for row in of_chip if row.tool != BY_HAND)]
    return rows


def _peer(row: Row) -> PeerRow:
    columns = ("decode_1_ms", "decode_32_ms", "prefill_ms")
    figures = {name: row.number_or_none(name) for name in columns}
    return PeerRow(tool=row.text("tool"), chip=row.text("chip"), **figures, largest_batch=None)


def our_row(chip: str) -> PeerRow:
    """What the functions behind `rooflink predict --ideal` say."""
    return PeerRow(
        tool=OURS,
        chip=chip,
        decode_1_ms=_ideal_ms(chip, decode_load(1.0, CONTEXT)),
        decode_32_ms=_ideal_ms(chip, decode_load(32.0, CONTEXT)),
        prefill_ms=_ideal_ms(chip, prefill_load(1.0, CONTEXT)),
        largest_batch=_largest_batch(chip),
    )


def _work(load: Load) -> Work:
    return step_work(_SHAPE, load, _WIDTHS, Spread())


def _ideal_ms(chip: str, load: Load) -> float:
    hardware = hardware_of(load_chip(chip), "bfloat16")
    return 1e3 * float(step_terms(_work(load), hardware, IDEAL).time_s)


def _largest_batch(chip: str) -> int:
    memory_bytes = load_chip(chip).hbm_capacity_bytes
    held = capacity(_SHAPE, _WIDTHS, ONE_CHIP, memory_bytes, sequences=1.0, own_context=CONTEXT)
    return int(held.largest_batch)


def prefill_parts() -> list[PrefillPart]:
    """What our prefill is made of, all of it compute; and what others count besides."""
    prompt = prefill_load(1.0, CONTEXT)
    counted = _work(prompt)
    blocks = _work(replace(prompt, head_positions=0.0))
    every_position = _work(replace(prompt, head_positions=CONTEXT))
    pairs = CONTEXT * (CONTEXT + 1) / 2
    causal = float(counted.attention_flops)
    lookup = 2 * CONTEXT * float(_SHAPE.vocab_size * _SHAPE.embed_dim)
    amounts = [
        ("matmuls of the 32 layers", True, float(blocks.matmul_flops)),
        ("attention, each query to itself and those before", True, causal),
        ("head, of the last position", True, float(counted.matmul_flops - blocks.matmul_flops)),
        ("attention to later positions too", False, causal * (CONTEXT**2 / pairs - 1)),
        ("head, of every other position", False,
         float(every_position.matmul_flops - counted.matmul_flops)),
        ("embedding as a matmul instead of a lookup", False, lookup),
    ]  # fmt: skip
    peaks = {chip: load_chip(chip).peak_flops("bfloat16").flop_per_s for chip in CHIPS}
    return [
        PrefillPart(what=what, counted=is_counted,
                    ms={chip: 1e3 * flops / peak for chip, peak in peaks.items()})
        for what, is_counted, flops in amounts
    ]  # fmt: skip
