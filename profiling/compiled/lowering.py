"""The phases' programs, lowered for a mesh of devices. Shapes alone: nothing is allocated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import unwrap
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct
from jax.experimental.layout import Format, Layout
from jax.sharding import Mesh, NamedSharding
from jax.stages import Compiled, Lowered
from jax.tree_util import KeyPath, tree_leaves_with_path

from ...model import decode
from ...model.decode import DecodeState
from ...model.generate import attempt_keys
from ...model.sampling import Greedy, Sampler
from ...model.sharding import (
    PARAMETER_AXES,
    STATE_AXES,
    input_shardings,
    leaf_name,
    parameter_shardings,
    state_shardings,
)
from ...model.transformer import Transformer, abstract_transformer
from .spec import PhaseName, ProgramSpec

Kind = Literal["weights", "kv", "other"]

LOOPS = {"think": decode.think, "answer": decode.answer, "step": decode.think}
CACHE_TENSORS = ("cache.prompt_keys", "cache.prompt_values", "cache.keys", "cache.values")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a compiled program's entry computation; `number` counts from 0."""

    number: int
    name: str  # 'blocks.query', 'cache.keys', 'token'
    kind: Kind
    axes: str  # letters as in `model.config`, 'LDKGH'; '' for a scalar or an unnamed one
    shape: tuple[int, ...]  # of the whole tensor, not of a device's part
    dtype: str


@dataclass(frozen=True)
class TensorLayout:
    """How a tensor lies in memory: axes from the slowest to the fastest, and its tiles."""

    major_to_minor: tuple[int, ...]
    tiling: tuple[tuple[int, ...], ...] | None = None


Chosen = Mapping[str, TensorLayout]
"""Name of a weight or cache tensor -> the layout that the think loop was given."""


@dataclass(frozen=True)
class Programs:
    """The programs of a spec on `mesh`, lowered one by one, on demand."""

    spec: ProgramSpec
    mesh: Mesh
    sampler: Sampler = Greedy()  # noqa: RUF009 - frozen, and without fields

    @cached_property
    def model(self) -> Transformer:
        """The model's shapes."""
        return abstract_transformer(self.spec.config, jnp.dtype(self.spec.dtype))

    @cached_property
    def inputs(self) -> dict[str, ShapeDtypeStruct]:
        """Shapes of what prefill reads beside the model."""
        B, A = self.spec.batch, self.spec.attempts
        return {
            "prompts": ShapeDtypeStruct((B, self.spec.prompt_slots), jnp.int32),
            "lengths": ShapeDtypeStruct((B,), jnp.int32),
            "keys": jax.eval_shape(lambda: attempt_keys(0, 0, B, A)),
        }

    @cached_property
    def state(self) -> DecodeState:
        """Shapes of what decoding carries from one pass to the next."""
        return jax.eval_shape(self._prefill, self.model, **self.inputs)

    def lower(self, phase: PhaseName, chosen: Chosen | None = None) -> Lowered:
        """The phase's program, as `model.decode` has it and donating as there.

        `chosen` are the layouts of weights and cache; None leaves them to the compiler where the
        spec says 'chosen', and to JAX's default otherwise.
        """
        model, state = self._formats(chosen)
        if phase == "prefill":
            inputs = input_shardings(self.inputs, self.mesh)
            jitted = jax.jit(
                _named(phase, lambda m, i: self._prefill(m, **i)),
                in_shardings=(model, inputs),
                out_shardings=state,
                keep_unused=True,
            )
            with jax.set_mesh(self.mesh):
                return jitted.lower(self.model, self.inputs)
        jitted = jax.jit(
            _named(phase, self._loop(phase)),
            in_shardings=(model, state),
            out_shardings=state,
            donate_argnums=1,
            keep_unused=True,  # so that entry parameters are the arguments, in their order
        )
        with jax.set_mesh(self.mesh):
            return jitted.lower(self.model, self.state)

    def parameters(self, phase: PhaseName) -> tuple[Parameter, ...]:
        """What each entry parameter of the phase's program is."""
        rest = self.inputs if phase == "prefill" else self.state
        leaves = [*_leaves(self.model), *_leaves(rest)]
        weights = len(jax.tree.leaves(self.model))
        return tuple(
            Parameter(
                number=number,
                name=name,
                kind="weights" if number < weights else _kind(name),
                axes=(PARAMETER_AXES if number < weights else STATE_AXES).get(name, ""),
                shape=tuple(leaf.shape),
                dtype=str(leaf.dtype),
            )
            for number, (name, leaf) in enumerate(leaves)
        )

    def layouts(self, phase: PhaseName, compiled: Compiled) -> dict[str, TensorLayout]:
        """The layouts of weights and cache at the entry of a compiled program."""
        formats = jax.tree.leaves(compiled.input_formats)
        return {
            parameter.name: _layout(entry)
            for parameter, entry in zip(self.parameters(phase), formats, strict=True)
            if parameter.kind != "other"
        }

    def leaves_as_it_came(self, phase: PhaseName, compiled: Compiled) -> bool:
        """Whether a loop's cache leaves the program in the layouts in which it entered."""
        if phase == "prefill":
            return True
        entry = self.layouts(phase, compiled)
        exits = {
            leaf_name(path): leaf for path, leaf in tree_leaves_with_path(compiled.output_formats)
        }
        return all(entry[name] == _layout(exits[name]) for name in CACHE_TENSORS)

    def _prefill(self, model: Transformer, **inputs: Array) -> DecodeState:
        return unwrap(decode.prefill)(model, **inputs, rules=self.spec.rules, sampler=self.sampler)

    def _loop(self, phase: PhaseName) -> Callable[[Transformer, DecodeState], DecodeState]:
        run, passes = unwrap(LOOPS[phase]), self.spec.passes(phase)
        return lambda model, state: run(model, state, passes, self.spec.rules, self.sampler)

    def _formats(self, chosen: Chosen | None) -> tuple[Transformer, DecodeState]:
        """Shardings of model and state, with layouts where those are not JAX's default."""
        model = parameter_shardings(self.model, self.mesh)
        state = state_shardings(self.state, self.mesh)
        if self.spec.layouts == "default":
            return model, state

        def with_layout(path: KeyPath, sharding: NamedSharding) -> NamedSharding | Format:
            if chosen is None:
                return Format(Layout.AUTO, sharding)
            layout = chosen[leaf_name(path)]
            return Format(Layout(layout.major_to_minor, layout.tiling), sharding)

        def with_cache_layout(path: KeyPath, sharding: NamedSharding) -> NamedSharding | Format:
            return with_layout(path, sharding) if _kind(leaf_name(path)) == "kv" else sharding

        with_path = jax.tree_util.tree_map_with_path
        return with_path(with_layout, model), with_path(with_cache_layout, state)


def _leaves(tree: object) -> list[tuple[str, ShapeDtypeStruct]]:
    return [(leaf_name(path), leaf) for path, leaf in tree_leaves_with_path(tree)]


def _layout(form: Format) -> TensorLayout:
    """A jax Format's layout as plain data."""
    layout = form.layout
    assert isinstance(layout, Layout), "a compiled program's layouts are chosen"
    tiles = layout.tiling
    return TensorLayout(tuple(layout.major_to_minor), tuple(map(tuple, tiles)) if tiles else None)


def _kind(name: str) -> Kind:
    return "kv" if name in CACHE_TENSORS else "other"


def _named(phase: str, function: Callable[..., DecodeState]) -> Callable[..., DecodeState]:
    """`function` under the phase's name, which becomes the program's: jit(think)."""
    function.__name__ = function.__qualname__ = phase
    return function
