"""Elasticities: d log(time, joules, dollars) / d log(parameter), exact derivatives for each draw.

As run, the batch is the workload's and capacity counts for nothing. With memory full the batch is
the largest that fits and amounts are per query, so that capacity counts through the batch. Joules
and dollars follow the changed part's watts and price by the cost model. All rates up by a factor
and all latencies and overheads down by it divides time by it: time's elasticities by rates, less
those by latencies and overheads, sum to -1.
"""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..record.codesign import Elasticity, Regime
from .cost_model import CostModel
from .costs import WITH_QUERY
from .draws import Draws, summary_or_none
from .parameters import NAMES, TILE, modelled, on_chip_bytes, scaled
from .point import Point, memory_full, with_prompts
from .quantities import QUANTITIES, Logs, logs_of, ratio
from .setting import Setting

DIFFERENTIATED = tuple(name for name in NAMES if name != TILE)
REGIMES: tuple[Regime, ...] = ("as run", "memory full")


def elasticities(known: Setting) -> list[Elasticity]:
    """Every phase, parameter, quantity and regime."""
    rows = []
    for regime in REGIMES:
        names = modelled(known.slice)
        by_name = slopes(known, names, regime)
        if float(known.point.hardware.tile) > 1:
            by_name[TILE] = tile_step(known, regime)
        rows += [
            Elasticity(phase=phase, parameter=name, quantity=quantity, regime=regime, value=value)
            for name, logs in by_name.items()
            for quantity in QUANTITIES
            for i, phase in enumerate(WITH_QUERY)
            if _asked_for(phase, known)
            and (value := summary_or_none(getattr(logs, quantity)[i])) is not None
            and not (quantity == "usd" and known.usd_per_second is None)
        ]
    return rows


def slopes(known: Setting, names: Sequence[str], regime: Regime) -> dict[str, Logs]:
    """Derivatives of the logs by the log of each named parameter, [phases and query, draws]."""
    found = _slopes_of(
        jnp.zeros(len(DIFFERENTIATED)), known.point, known.draws,
        jnp.float32(on_chip_bytes(known.slice)), known.costs, regime == "memory full",
    )  # fmt: skip
    return {name: _of_parameter(found, DIFFERENTIATED.index(name)) for name in names}


def _of_parameter(found: Logs, index: int) -> Logs:
    return jax.tree.map(lambda leaf: np.asarray(leaf[..., index]), found)


def logs_at(
    log_factors: Array, point: Point, draws: Draws, on_chip: Array, costs: CostModel, full: Array
) -> Logs:
    """The logs where each of DIFFERENTIATED is multiplied by exp(log_factors); with memory full
    where `full`."""
    factors = {name: jnp.exp(log_factors[i]) for i, name in enumerate(DIFFERENTIATED)}
    changed = scaled(point, factors, on_chip, costs)
    prompts = jnp.where(full, memory_full(changed).lengths.prompts, point.lengths.prompts)
    return logs_of(with_prompts(changed, prompts), draws)


_slopes_of = jax.jit(jax.jacfwd(logs_at))


def tile_step(known: Setting, regime: Regime) -> Logs:
    """Change of the logs from a tile of twice the side, over log 2: padding makes time a staircase
    in the tile, without a derivative of use. The unit's FLOP/s are held."""
    point = known.point if regime == "as run" else memory_full(known.point)
    wider = scaled_tile(point, 2.0)
    before, after = logs_of(point, known.draws), logs_of(wider, known.draws)
    found = ratio(after, before)
    return Logs(**{name: np.log(values) / np.log(2.0) for name, values in found.items()})


def scaled_tile(point: Point, factor: float) -> Point:
    """The same with matrix units of another side."""
    return replace(point, hardware=replace(point.hardware, tile=point.hardware.tile * factor))


def _asked_for(phase: str, known: Setting) -> bool:
    """Whether the workload has such a phase at all."""
    return phase != "think" or float(known.query.lengths.think_tokens) > 1
