"""Efficiency: how far a stack on a chip stays behind the datasheet, and what it adds by itself."""

from dataclasses import dataclass

import jax

from .shape import Number


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Efficiency:
    """Shares are of the datasheet's figure, in (0, 1]; times are seconds.

    Terms overlap in part: the compute, memory and on-chip times t_i of a step take together
    (sum t_i^p)^(1/p), their sum for p = 1, the largest for p without bound. Of the links' time
    `exposed_links` is not hidden behind that.
    """

    compute: Number  # of the matrix units' peak, once padding is counted
    attention: Number  # of that peak, in attention
    memory: Number  # of the memory's bandwidth
    vector: Number  # of that share, in elementwise kernels by themselves
    idle_experts: Number  # of the experts that no token needs, share read all the same
    kv: Number  # of the keys and values a step is said to have cached, share that is read
    links: Number  # of the links' bandwidth
    overlap: Number  # p
    exposed_links: Number
    narrow: Number  # memory share lost for each halving of weights below the operands' width
    routed_s: Number  # sending one token to one expert in one layer and back
    kernel_s: Number  # a kernel's launch, as far as it is not hidden
    collective_s: Number
    dispatch_s: Number  # dealing tokens out to experts on other chips, besides the links' time
    sequence_s: Number  # host's work for one sequence in one step
    step_s: Number  # host's work for one step


IDEAL = Efficiency(
    compute=1.0,
    attention=1.0,
    memory=1.0,
    vector=1.0,
    idle_experts=0.0,
    kv=1.0,
    links=1.0,
    overlap=float("inf"),
    exposed_links=0.0,
    narrow=0.0,
    routed_s=0.0,
    kernel_s=0.0,
    collective_s=0.0,
    dispatch_s=0.0,
    sequence_s=0.0,
    step_s=0.0,
)
"""The bare roofline: datasheet figures reached, everything overlapped, nothing added."""
