"""What one token, one query-key pair and one head position of a model cost.

A transformer's work is linear in these three, so they are read off the traced model itself at
its smallest sizes, and any phase is a sum of them. What a program computes beyond that (masked
scores, padding, idle attempts) is not the algorithm's and is not counted.

Operations are those of the jaxpr, walked with the lengths of its loops: a multiply-add is 2 FLOP,
an elementwise operation, transcendental or not, and each element that goes into a reduction 1.
Moving data (slices, transposes, gathers) and comparing or selecting are 0.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from ...model.architecture import DTYPE_BITS, ModelShape, shape_of
from ...model.config import DType, ModelConfig
from ...model.generation.pass_log import REASONER
from ...model.kv_cache import KVCache
from ...model.styles import AS_COMPUTED, LayerKind
from ...model.transformer import Transformer, abstract_transformer
from ..errors import ProfileInputError
from ..predicted.step.expert_work import EVEN, needed_share

if TYPE_CHECKING:  # few runs have one
    from ...model.reward_model import TrainedVerifier


@dataclass(frozen=True)
class Operations:
    """Work of a program: matrix-unit FLOPs and vector-unit operations."""

    matmul_flops: int = 0
    vector_flops: int = 0

    def __add__(self, other: "Operations") -> "Operations":
        return Operations(
            self.matmul_flops + other.matmul_flops, self.vector_flops + other.vector_flops
        )

    def __sub__(self, other: "Operations") -> "Operations":
        return self + other * -1

    def __mul__(self, times: int) -> "Operations":
        return Operations(self.matmul_flops * times, self.vector_flops * times)

    def share(self, parts: int, whole: int) -> "Operations":
        """Those of `parts` of `whole` like parts."""
        times = (self.matmul_flops, self.vector_flops)
        return Operations(*(number * parts // whole for number in times))


ELEMENTWISE = frozenset(
    {
        "abs", "add", "add_any", "atan2", "cbrt", "ceil", "cos", "div", "erf", "erf_inv", "erfc",
        "exp", "exp2", "expm1", "floor", "integer_pow", "log", "log1p", "logistic", "max", "min",
        "mul", "neg", "pow", "rem", "round", "rsqrt", "sign", "sin", "sqrt", "square", "sub",
        "tan", "tanh",
    }
)  # fmt: skip

REDUCTIONS = frozenset(
    {
        "argmax", "argmin", "cummax", "cumprod", "cumsum", "reduce_max", "reduce_min",
        "reduce_prod", "reduce_sum",
    }
)  # fmt: skip

LOOP_OF_UNKNOWN_LENGTH = "while"


def count(program: ClosedJaxpr | Jaxpr) -> Operations:
    """Operations of one run of `program`; a scan's body counts once an iteration. Raises
    ProfileInputError for a `while` loop, whose length the program does not say: count its body and
    multiply by the passes that were made. So too for a Pallas kernel without an estimate."""
    total = Operations()
    for equation in (program.jaxpr if isinstance(program, ClosedJaxpr) else program).eqns:
        total = total + _operations_of(equation)
    return total


def _operations_of(equation: JaxprEqn) -> Operations:
    name = equation.primitive.name
    if name == "dot_general":
        return Operations(matmul_flops=_dot_flops(equation))
    if name in ELEMENTWISE:
        return Operations(vector_flops=math.prod(_shape(equation.outvars[0])))
    if name in REDUCTIONS:
        return Operations(vector_flops=math.prod(_shape(equation.invars[0])))
    if name == LOOP_OF_UNKNOWN_LENGTH:
        raise ProfileInputError(
            "the traced program has a while loop, whose length only its run knows: count the "
            "loop's body and multiply by the passes made"
        )
    if name == "cond":
        branches = [count(branch) for branch in equation.params["branches"]]
        return max(branches, key=lambda work: work.matmul_flops + work.vector_flops)
    if name == "pallas_call":
        return Operations(matmul_flops=_flops_by_estimate(equation))
    times = equation.params["length"] if name == "scan" else 1
    return sum((count(body) for body in _bodies(equation)), Operations()) * times


def _bodies(equation: JaxprEqn) -> Iterator[ClosedJaxpr | Jaxpr]:
    """Programs that an equation calls, e.g. of jit, scan, remat or a custom derivative."""
    for value in equation.params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr | Jaxpr):
                yield item


def _flops_by_estimate(kernel: JaxprEqn) -> int:
    """FLOPs that a Pallas kernel says it makes: its program shows one block of its grid."""
    estimate = kernel.params["cost_estimate"]
    if estimate is None:
        raise ProfileInputError(
            "the traced program has a Pallas kernel without a cost estimate: give pallas_call one"
        )
    flops: int = estimate.flops
    return flops


def _dot_flops(equation: JaxprEqn) -> int:
    """2 FLOP for each element of the result and each term of its sum."""
    (left_summed, _), _ = equation.params["dimension_numbers"]
    left = _shape(equation.invars[0])
    terms = math.prod(left[axis] for axis in left_summed)
    return 2 * math.prod(_shape(equation.outvars[0])) * terms


def _shape(variable: Var | Literal) -> tuple[int, ...]:
    assert isinstance(variable.aval, ShapedArray)
    return variable.aval.shape


HEAD_BYTES = 4
"""A verifier's head, and what it computes, are float32 whatever the model's dtype."""


@dataclass(frozen=True)
class UnitCosts:
    """Costs from which those of every phase are added up; bytes by the rules of `passes`."""

    token: Operations  # one position through all layers, attention pairs left out
    pair: Operations  # one query meeting one key, over all heads of layers that see every position
    near_pair: Operations  # the same of layers with a window
    window: int | None  # positions that those attend to
    head: Operations  # logits of one position
    pass_weight_bytes: int  # every weight that a pass reads whatever its tokens
    token_weight_bytes: int  # a token's row of the embedding
    kv_bytes: int  # keys and values of one position over all layers
    near_kv_bytes: int  # of them, those of layers with a window
    token_activation_bytes: int  # `ModelShape.token_activation_elements`
    head_activation_bytes: int  # the head's input and its logits, for one position
    expert_weight_bytes: int = 0  # all experts of all layers that have them
    expert_share: float = 1.0  # of a layer's experts, those that one token is sent to
    expanded: "Expanded | None" = None  # of a prompt's own pass; None where it is as any other

    def of_pass(self, prompt: bool) -> tuple[Operations, Operations]:
        """Work of a position, and of one query meeting one key in layers that see every position,
        in a pass over nothing cached (a prompt's own) or in another."""
        if prompt and self.expanded is not None:
            return self.expanded.token, self.expanded.pair
        return self.token, self.pair

    def weight_bytes(self, tokens: np.ndarray) -> np.ndarray:
        """int64: weights that passes of so many `tokens` each, at least one, read: of experts those
        that the tokens are expected to need, where each goes to any expert alike."""
        needed = needed_share(tokens, self.expert_share, EVEN) * self.expert_weight_bytes
        whole: np.ndarray = self.pass_weight_bytes + np.rint(needed).astype(np.int64)
        return whole


@dataclass(frozen=True)
class Expanded:
    """Work of latent attention where keys and values of every head are made of the latents."""

    token: Operations
    pair: Operations


@cache
def unit_costs(config: ModelConfig, dtype: DType) -> UnitCosts:
    """Unit costs of a model whose weights, activations and cache are all `dtype`, but for what its
    widths say; multiplying by scales is not counted."""
    widths, shapes = config.widths, config.parameter_shapes
    model = abstract_transformer(replace(config, widths=AS_COMPUTED), jnp.dtype(dtype))
    keys = 2 if config.latent_dim else 1  # one query over one key is a prompt's own pass
    pair = _forward(model, keys=keys + 1) - _forward(model, keys=keys)
    size, shape = DTYPE_BITS[dtype] // 8, shape_of(config)
    windowed = round(config.windowed_share * config.layers)
    near_pair = pair.share(windowed, config.layers)
    kv_bytes = config.kv_bytes_per_token(dtype)
    experts = shape.layers * shape.mlp_parameters if config.experts > 1 else 0.0
    routed = {name: one for name, one in shapes.items() if is_routed(name)}
    of_experts = widths.saved_bytes(routed, dtype)
    of_all = widths.saved_bytes(shapes, dtype)
    return UnitCosts(
        token=_forward(model, keys=keys) - pair * keys,
        pair=pair - near_pair,
        near_pair=near_pair,
        window=config.window,
        head=_head(model),
        pass_weight_bytes=round(shape.parameters - shape.embedding_parameters - experts) * size
        - (of_all - of_experts),
        token_weight_bytes=config.embed_dim * size,
        kv_bytes=kv_bytes,
        near_kv_bytes=kv_bytes * windowed // config.layers,
        token_activation_bytes=round(shape.token_activation_elements()) * size,
        head_activation_bytes=round(shape.head_activation_bytes(size)),
        expert_weight_bytes=round(experts) * size - of_experts,
        expert_share=config.active_experts / config.experts,
        expanded=_expanded(model) if config.latent_dim else None,
    )


def is_routed(name: str) -> bool:
    """Whether a parameter of that name is of experts that tokens are sent to."""
    return name.startswith("experts.") and name.rpartition(".")[2] in ("gate", "up", "down")


@cache
def verifier_costs(config: ModelConfig, dtype: DType, hidden_units: int) -> UnitCosts:
    """Unit costs of a verifier: the model's trunk under a perceptron of `hidden_units` that scores.

    It reads neither the final norm nor the language model's head, and is float32 itself.
    """
    from ...model.reward_model import initial_head  # which opens folders, and few models have

    trunk, size = unit_costs(config, dtype), DTYPE_BITS[dtype] // 8
    D, N = config.embed_dim, hidden_units
    head = jax.eval_shape(lambda: initial_head(D, N, 0))
    state = jax.ShapeDtypeStruct((D,), jnp.float32)
    left_out = (config.embedding_parameters + D) * size
    return replace(
        trunk,
        head=count(jax.make_jaxpr(lambda h, x: h(x))(head, state)),
        pass_weight_bytes=trunk.pass_weight_bytes - left_out + (D + 2) * N * HEAD_BYTES,
        head_activation_bytes=(D + 2 * N + 1) * HEAD_BYTES,
    )


@dataclass(frozen=True)
class Costed:
    """The models that passes may be of, by their names in pass records."""

    units: Mapping[str, UnitCosts]
    shapes: Mapping[str, ModelShape]
    configs: Mapping[str, ModelConfig]


def costed(
    config: ModelConfig,
    dtype: DType,
    trained: "TrainedVerifier | None",
    drafts: Mapping[str, ModelConfig],
) -> Costed:
    """Unit costs and shapes of the reasoner, of the verifier and of `drafts`.

    A verifier's head is costed as one that reads its hidden units off the state.
    """
    configs = {REASONER: config, **drafts}
    units = {name: unit_costs(one, dtype) for name, one in configs.items()}
    shapes = {name: shape_of(one) for name, one in configs.items()}
    if trained is not None:
        from ...model.reward_model import NAME

        trunk, hidden = trained.trunk.config, trained.units
        configs[NAME] = trunk
        units[NAME] = verifier_costs(trunk, dtype, hidden)
        shapes[NAME] = replace(
            shape_of(trunk),
            head_parameters=float((trunk.embed_dim + 2) * hidden),
            embedding_parameters=float(trunk.embedding_parameters),
            vocab_size=float(hidden),
        )
    return Costed(units, shapes, configs)


def _expanded(model: Transformer) -> Expanded:
    """Of prompts of one position and of two, which the program gives two keys each; pairs without
    experts, whose loop has no known length for two tokens."""
    config = replace(
        model.config, mixture=None, experts=1, active_experts=1, shared_mlp_dim=0,
        dense_mlp_dim=0, prefix=(), pattern=(LayerKind(),),
    )  # fmt: skip
    dense = abstract_transformer(config, model.dtype)
    one, two = _forward(dense, keys=1), _forward(dense, keys=2, tokens=2)
    pair = (two - one * 2).share(1, 2)
    return Expanded(_forward(model, keys=1) - pair, pair)


def _forward(model: Transformer, keys: int, tokens: int = 1) -> Operations:
    """So many positions that meet `keys` keys each."""
    cache = jax.eval_shape(lambda: KVCache.empty(model.config, 1, 1, keys, model.dtype))
    one = jax.ShapeDtypeStruct((1, 1, tokens), jnp.int32)
    return count(jax.make_jaxpr(lambda m, t, c: m.forward(t, t, c, 0)[0])(model, one, cache))


def _head(model: Transformer) -> Operations:
    hidden = jax.ShapeDtypeStruct((1, 1, 1, model.config.embed_dim), model.dtype)
    return count(jax.make_jaxpr(lambda m, h: m.logits(h))(model, hidden))
