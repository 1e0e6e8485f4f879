"""What the solutions share: a question's figures put into the functions that predict."""

import math
from collections.abc import Callable
from dataclasses import replace

import scipy.optimize

from ....tpu_configs.catalog import load_chip
from ...predict.collectives import Exchange
from ...predict.efficiency import IDEAL
from ...predict.hardware import Hardware, hardware_of
from ...predict.load import Widths
from ...predict.parallel import Group, ring
from ...predict.shape import ModelShape
from ...predict.time_model import Terms, step_terms
from ...predict.work import NOTHING, Work, exchange_work

BF16, INT8 = Widths(2.0, 2.0, 2.0), Widths(1.0, 1.0, 1.0)
INT8_WEIGHTS_AND_KV = Widths(weight_bytes=1.0, kv_bytes=1.0, activation_bytes=2.0)
MS, US = 1e-3, 1e-6
SEVERAL = 1e9
"""A size that is large beside all others ('B << D, F')."""


def rates(chip: str, dtype: str = "bfloat16", **given: float) -> Hardware:
    """The chip's figures, those that the question gives in their place; tiles are not padded."""
    return replace(hardware_of(load_chip(chip), dtype), tile=1.0, **given)


def terms(work: Work, hardware: Hardware) -> Terms:
    """The roofline's terms at the datasheet's figures."""
    return step_terms(work, hardware, IDEAL)


def moved(memory_bytes: float) -> Work:
    """Bytes read from memory and nothing else."""
    return replace(NOTHING, weight_bytes=memory_bytes)


def flops(amount: float) -> Work:
    """FLOPs of matmuls and nothing else."""
    return replace(NOTHING, matmul_flops=amount, padded_flops=amount)


def transfer_s(exchange: Exchange, hardware: Hardware) -> float:
    """Seconds of an exchange that bandwidth alone limits."""
    return float(terms(exchange_work(replace(exchange, hops=0.0)), hardware).links_s)


def intensity(work: Work) -> float:
    """FLOPs per byte of memory traffic."""
    return float(work.flops / work.memory_bytes)


def balance(work_of: Callable[[float], Work], hardware: Hardware) -> float:
    """The size at which compute and memory take the same time."""

    def excess(log_size: float) -> float:
        at = terms(work_of(math.exp(log_size)), hardware)
        return math.log(float(at.compute_s) / float(at.memory_s))

    return math.exp(scipy.optimize.brentq(excess, 0.0, math.log(1e6), xtol=1e-9))


def weights_alone(parameters: float) -> ModelShape:
    """So many parameters in one matrix, and no attention: a model where only their number is
    given."""
    return ModelShape(
        layers=1.0,
        embed_dim=parameters**0.5 / 3,
        query_heads=1.0,
        kv_heads=1.0,
        head_dim=1.0,
        attention_parameters=0.0,
        mlp_parameters=parameters,
        active_mlp_parameters=parameters,
        experts_per_token=1.0,
        head_parameters=0.0,
        embedding_parameters=0.0,
        vector_parameters=0.0,
        vocab_size=1.0,
    )


def closed_ring(chips: int) -> Group:
    """A torus axis that wraps around."""
    return ring(chips, wraps=True)
