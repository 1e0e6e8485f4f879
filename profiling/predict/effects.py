"""Effects: how an Efficiency comes about from what is common, from the chip and from the stack.

Each component of Efficiency is a transformed sum (partial pooling, Gelman & Hill 2007, ch. 12):

    component = f(mean of the chip's kind + effect of the regime + of the chip + of the stack)

with effects drawn from normal distributions of given scales. A chip or stack that nobody measured
has the mean of its kin, and the whole scale as its uncertainty. The regime is how steps are
launched: a compiled loop of its own accord, a server that schedules each step on its host, or
operations timed by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

from .efficiency import Efficiency

Link = Literal["share", "time", "power", "positive"]


@dataclass(frozen=True)
class Component:
    """How one component of Efficiency varies; means and scales are on the transformed axis."""

    link: Link
    mean: float  # prior mean, of every kind
    mean_scale: float  # prior scale of a kind's mean
    regime_scale: float  # of a regime; 0: regimes do not differ
    chip_scale: float  # of a chip about its kind; 0: chips do not differ
    stack_scale: float  # of a stack; 0: stacks do not differ


COMPONENTS: dict[str, Component] = {
    #                              mean   kind  regime  chip  stack
    "compute": Component("share", 1.0, 0.7, 0.3, 0.35, 0.5),
    "attention": Component("share", -0.4, 0.7, 0.3, 0.0, 0.5),
    "memory": Component("share", 1.4, 0.7, 0.3, 0.35, 0.5),
    "vector": Component("share", 0.0, 1.0, 0.0, 0.0, 0.0),
    "idle_experts": Component("share", -1.0, 2.0, 0.0, 0.0, 2.5),
    "kv": Component("share", 3.0, 0.5, 0.0, 0.0, 1.5),
    "links": Component("share", 0.8, 0.7, 0.0, 0.0, 0.0),
    "overlap": Component("power", 1.0, 1.0, 0.0, 0.0, 1.0),
    "exposed_links": Component("share", 1.0, 1.0, 0.0, 0.0, 1.0),
    "narrow": Component("positive", -1.5, 0.7, 0.0, 0.0, 0.5),
    "routed_s": Component("time", -16.0, 1.0, 0.0, 0.0, 1.0),
    "kernel_s": Component("time", -13.5, 0.7, 0.7, 0.0, 1.0),
    "collective_s": Component("time", -12.0, 0.7, 0.7, 0.0, 1.0),
    "dispatch_s": Component("time", -11.0, 1.0, 0.0, 0.0, 1.0),
    "sequence_s": Component("time", -12.0, 0.7, 1.0, 0.0, 1.0),
    "step_s": Component("time", -8.5, 0.7, 1.5, 0.0, 1.0),
}
"""Logits of shares, logs of seconds. The prior means are a well-made stack's: three quarters of
the matrix units' peak, four fifths of the memory's bandwidth, two microseconds a kernel."""

Regime = Literal["loop", "server", "kernels"]
REGIMES: tuple[Regime, ...] = ("loop", "server", "kernels")

_SERVERS = (
    "vllm", "sglang", "jetstream", "mlperf", "tensorrt", "deepseek", "llmperf", "server", "tgi",
    "saxml", "dynamo",
)  # fmt: skip


def regime_of(stack: str | None) -> Regime:
    """The regime of a stack by its name; a compiled loop, as rooflink's own, unless it is known to
    serve requests or to time operations by themselves."""
    name = (stack or "").lower()
    if name.endswith("kernels"):
        return "kernels"
    return "server" if any(word in name for word in _SERVERS) else "loop"


_LINKS: dict[Link, Callable[[Array], Array]] = {
    "share": jax.nn.sigmoid,
    "time": jnp.exp,
    "power": lambda x: 1 + jnp.exp(x),
    "positive": jnp.exp,
}


def efficiency_of(transformed: dict[str, Array]) -> Efficiency:
    """The Efficiency of sums on the transformed axis, one of each component."""
    return Efficiency(
        **{name: _LINKS[each.link](transformed[name]) for name, each in COMPONENTS.items()}
    )
