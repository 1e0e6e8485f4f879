"""The cost of a phase: its passes added up, with a cache that grows along the thought.

Rules for HBM bytes, the least that any machine must move whose on-chip memory keeps nothing from
one pass to the next:
  weights      read once a pass, however many rows share it; of the embedding, the rows looked up
  KV read      each cached position once a pass for each attempt that sees it, a prompt's once for
               all its attempts; the token's own key and value are still on the chip. Prefill
               reads back, once, what it wrote
  KV write     each new position once
  activations  the input and result of each matmul once (see `unit`)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..record import CountedCost, HbmBytes
from .unit import UnitCosts

Counts = np.ndarray  # int64, one entry a pass


@dataclass(frozen=True)
class Passes:
    """What each pass of a phase works on: arrays with one entry a pass."""

    tokens: Counts  # positions read
    pairs: Counts  # queries times the keys they see
    heads: Counts  # positions whose logits are wanted
    cached: Counts  # cached positions read
    width: int  # attempts in the batch, idle ones included

    @property
    def idle_slots(self) -> int:
        """Attempt-passes spent on attempts that had ended."""
        return int((self.width - self.tokens).clip(min=0).sum())

    def costs(self, unit: UnitCosts) -> list[CountedCost]:
        """The cost of each pass by itself."""
        return [self._cost(unit, slice(i, i + 1)) for i in range(len(self.tokens))]

    def total(self, unit: UnitCosts) -> CountedCost:
        """The cost of all passes together."""
        return self._cost(unit, slice(None))

    def _cost(self, unit: UnitCosts, which: slice) -> CountedCost:
        tokens, pairs, heads, cached = (
            int(counts[which].sum())
            for counts in (self.tokens, self.pairs, self.heads, self.cached)
        )
        passes = len(self.tokens[which])
        work = unit.token * tokens + unit.pair * pairs + unit.head * heads
        return CountedCost(
            flops=work.matmul_flops,
            vector_flops=work.vector_flops,
            hbm_bytes=HbmBytes(
                weights=passes * unit.pass_weight_bytes + tokens * unit.token_weight_bytes,
                kv_read=cached * unit.kv_bytes,
                kv_write=tokens * unit.kv_bytes,
                activations=tokens * unit.token_activation_bytes
                + heads * unit.head_activation_bytes,
            ),
        )


def prefill_passes(prompt_lengths: Sequence[int]) -> Passes:
    """One pass over a batch of prompts; logits of each prompt's last position alone."""
    lengths = np.asarray(prompt_lengths, np.int64)
    return Passes(
        tokens=np.array([lengths.sum()]),
        pairs=np.array([(lengths * (lengths + 1) // 2).sum()]),
        heads=np.array([len(lengths)]),
        cached=np.array([lengths.sum()]),
        width=0,
    )


def decode_passes(
    prompt_lengths: Sequence[int], own_before: np.ndarray, passes: np.ndarray
) -> Passes:
    """A decode phase over a batch.

    `own_before` [B, A]: positions that each attempt had cached for itself when the phase began;
    `passes` [B, A]: passes that it takes part in, one token each, from the first on.
    """
    prompts = np.asarray(prompt_lengths, np.int64)
    step = np.arange(int(passes.max(initial=0)))[:, None, None]
    active = step < passes  # [passes, B, A]
    own = np.where(active, own_before + step, 0).sum(axis=(1, 2))
    tokens = active.sum(axis=(1, 2))
    seen_prompt = np.where(active, prompts[:, None], 0).sum(axis=(1, 2))
    read_prompt = np.where(active.any(axis=2), prompts, 0).sum(axis=1)
    return Passes(
        tokens=tokens,
        pairs=seen_prompt + own + tokens,
        heads=tokens,
        cached=read_prompt + own,
        width=passes.size,
    )
