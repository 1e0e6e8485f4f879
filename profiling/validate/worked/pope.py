"""Pope et al. 2022 (arXiv:2211.05102), table 1: the longest context on 64 TPU v4 where keys and
values may take 30 % of the memory."""

from dataclasses import replace
from functools import partial

from ....tpu_configs.slice import parse_slice
from ...predict.capacity import capacity
from ...predict.parallel import Parallelism
from ..measurements.models import known_sizes
from .problem import Solution
from .tools import BF16

_SHARE = 0.3


def _longest_context(batch: float, heads: tuple[float, float], by_sequences: bool = False) -> float:
    """`heads`: KV heads, and their width."""
    sizes, over = known_sizes("PaLM-540B"), parse_slice("v4:4x4x4")
    assert sizes is not None
    kv_heads, head_dim = heads
    shape = replace(sizes.shape(), kv_heads=kv_heads, head_dim=head_dim)
    split = Parallelism(tensor=over.chips, kv_by_sequences=by_sequences)
    memory_bytes = over.chip.hbm_capacity_bytes
    held = capacity(shape, BF16, split, memory_bytes, sequences=batch, own_context=1.0)
    return _SHARE * memory_bytes / float(held.kv_bytes)


_MULTI_QUERY, _MULTI_HEAD = (1.0, 256.0), (64.0, 128.0)  # 48 heads padded to 64

SOLUTIONS: dict[str, Solution] = {
    "PT1b": partial(_longest_context, 512.0, _MULTI_QUERY, by_sequences=True),
    "PT1c": partial(_longest_context, 128.0, _MULTI_QUERY),
    "PT1e": partial(_longest_context, 128.0, _MULTI_HEAD),
    "PT1f": partial(_longest_context, 512.0, _MULTI_HEAD),
}
