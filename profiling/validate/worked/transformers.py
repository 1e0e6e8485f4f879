"""JAX scaling book, 'All the transformer math you need to know', and the training of Llama 3."""

from dataclasses import replace
from functools import partial

import scipy.optimize

from ....model.config import ModelConfig
from ....model.presets import preset
from ...predict.load import decode_load
from ...predict.shape import shape_of
from ...predict.work import Spread, step_work
from .problem import Solution
from .tools import BF16, INT8, flops, rates, terms

_BOOK = ModelConfig(
    name="scaling book", family="llama", layers=64, embed_dim=4096, query_heads=32, kv_heads=32,
    head_dim=128, mlp_dim=4 * 4096, vocab_size=32000, context_length=8192, rope_theta=1e4,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip
_TRAINING_OVER_FORWARD = 3.0  # the backward pass multiplies twice as much


def _parameters(config: ModelConfig) -> float:
    return float(shape_of(config).parameters)


def _kv_bytes_per_token() -> float:
    return float(shape_of(_BOOK).kv_elements_per_token) * INT8.kv_bytes


def _attention_dominates() -> float:
    """Positions at which a token's attention costs as many FLOPs as its blocks' matmuls."""
    shape = replace(shape_of(_BOOK), head_parameters=0.0)

    def excess(positions: float) -> float:
        work = step_work(shape, decode_load(1.0, positions - 1), BF16, Spread())
        return float(work.attention_flops / work.matmul_flops) - 1

    return float(scipy.optimize.brentq(excess, 1e3, 1e6, xtol=1e-3))


def _deepseek_utilisation() -> float:
    """Time at the H800's FP8 peak over the GPU hours that were paid."""
    forward = 2 * 37e9 * 14.8e12
    hardware = rates("h800", "float8_e4m3fn", matmul_flops=1.513e15)
    at_peak_s = float(terms(flops(_TRAINING_OVER_FORWARD * forward), hardware).compute_s)
    return at_peak_s / (2.79e6 * 3600)


SOLUTIONS: dict[str, Solution] = {
    "X1a": partial(_parameters, _BOOK),
    "X1b": _kv_bytes_per_token,
    "X4": _attention_dominates,
    "X7": _deepseek_utilisation,
    "P1": partial(_parameters, preset("llama3-70b")),
}
