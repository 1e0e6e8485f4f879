"""The cost of reading whole rows at once, and of an update on them.

FLOPs of an update are those of the forward pass times what the gradient's own jaxpr has more: 3,
since each matmul y = x W has two more in the backward pass, dx = dy W' and dW = x' dy.

HBM bytes of an update, by the rules of `counted.passes`:
  weights      read by both passes, their gradient written; the optimiser reads weight, gradient
               and two moments, and writes weight and moments: 10 times the weights' bytes
  KV           read and written by both passes, the backward one as gradients
  activations  input and result of each of the 3 matmuls
"""

from collections.abc import Sequence
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from ...model.config import ModelConfig
from ...model.training.loss import cross_entropy
from ...model.transformer import abstract_transformer
from ..counted.jaxpr import Operations, count
from ..counted.passes import Passes
from ..counted.unit import unit_costs
from ..record import CountedCost, HbmBytes

WEIGHT_MOVES = 10
"""Times that an update of AdamW moves all weights' bytes, see above."""

ROW_TOKENS = 8
"""Of the row whose loss is traced to compare forward and gradient."""


def row_passes(lengths: Sequence[int]) -> Passes:
    """One pass over whole rows of `lengths` tokens, logits of every position wanted."""
    rows = np.asarray(lengths, np.int64)
    return Passes(
        tokens=np.array([rows.sum()]),
        pairs=np.array([(rows * (rows + 1) // 2).sum()]),
        heads=np.array([rows.sum()]),
        cached=np.array([rows.sum()]),
        width=0,
    )


def update_cost(config: ModelConfig, lengths: Sequence[int]) -> CountedCost:
    """One update of a float32 model on rows of `lengths` tokens: both passes and AdamW."""
    forward = row_passes(lengths).total(unit_costs(config, "float32"))
    matmuls, vector = gradient_factors(config)
    moved = forward.hbm_bytes
    return CountedCost(
        flops=round(forward.flops * matmuls),
        vector_flops=round(forward.vector_flops * vector),
        hbm_bytes=HbmBytes(
            weights=WEIGHT_MOVES * config.weight_bytes("float32"),
            kv_read=2 * moved.kv_read,
            kv_write=2 * moved.kv_write,
            activations=3 * moved.activations,
        ),
    )


@cache
def gradient_factors(config: ModelConfig) -> tuple[float, float]:
    """How many times the forward pass's matmul FLOPs and vector operations a gradient takes,
    the forward pass included: read off the traced programs."""
    model = abstract_transformer(config, jnp.float32)
    tokens = jax.ShapeDtypeStruct((1, ROW_TOKENS), jnp.int32)
    taught = jax.ShapeDtypeStruct((1, ROW_TOKENS), jnp.float32)
    forward = _counted(cross_entropy, model, tokens, taught)
    both = _counted(jax.value_and_grad(cross_entropy), model, tokens, taught)
    return (
        both.matmul_flops / forward.matmul_flops,
        both.vector_flops / forward.vector_flops,
    )


def _counted(program, *arguments) -> Operations:  # type: ignore[no-untyped-def]
    return count(jax.make_jaxpr(program)(*arguments))
