"""The phases' programs, lowered for a mesh of devices. Shapes alone: nothing is allocated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import jax
import jax.numpy as jnp
from jax import ShapeDtypeStruct
from jax.experimental.layout import Format, Layout
from jax.sharding import Mesh, NamedSharding
from jax.stages import Compiled, Lowered
from jax.tree_util import KeyPath, tree_leaves_with_path

from ...model.generation.decode_loop import (
    Endings,
    State,
    check_program,
    copy_program,
    decode_program,
    prompt_program,
    read_program,
)
from ...model.generation.engine import attempt_keys
from ...model.generation.generate import endings_of
from ...model.generation.stopping import AnswerFormat
from ...model.mesh import INPUT_AXES, STATE_AXES, axes_of, leaf_name, result_sharding, shardings
from ...model.phases import ANSWER, PREFILL, phase_named
from ...model.sampling import Greedy
from ...model.styles import PARAMETER_AXES
from ...model.transformer import Transformer, abstract_transformer
from ..backend import attention_kernel
from .cache import Kind, Parameter, TensorLayout
from .spec import ProgramSpec

AXES = STATE_AXES | INPUT_AXES | PARAMETER_AXES
RESULT_AXES = {"decode": "NBA", "read": "BAD", "check": "BAT"}
CACHE_TENSORS = "cache.stacks."
"""How the names of keys and values begin."""


Chosen = Mapping[str, TensorLayout]
"""Name of a weight or cache tensor -> the layout that the think loop was given."""


@dataclass(frozen=True)
class Programs:
    """The programs of a spec on `mesh`, lowered one by one, on demand."""

    spec: ProgramSpec
    mesh: Mesh
    _states: dict[str, State] = field(default_factory=dict, init=False)  # by the prompt's reader

    @cached_property
    def model(self) -> Transformer:
        kernel = attention_kernel(self.mesh.devices.flat[0])
        return abstract_transformer(self.spec.config, jnp.dtype(self.spec.dtype), kernel)

    def inputs(self, phase: str = PREFILL) -> dict[str, ShapeDtypeStruct]:
        """Shapes of what a phase reads beside the model and the state."""
        B, A, spec = self.spec.batch, self.spec.attempts, self.spec
        match spec.program(phase):
            case "prompt":
                return {
                    "prompts": _ids(B, spec.reads(phase)),
                    "lengths": _ids(B),
                    "keys": jax.eval_shape(lambda: attempt_keys(0, jnp.arange(B), A)),
                }
            case "read" | "check":
                return {name: _ids(B, A, spec.reads(phase)) for name in ("tokens", "positions")}
            case "copy":
                return {"parents": _ids(B, A)}
        return {}

    def state(self, phase: str) -> State:
        """Shapes of what a phase takes over from the one before it; a prompt's is its result."""
        reader = phase if self.spec.program(phase) == "prompt" else phase_named(phase).prompts
        if reader not in self._states:
            run = self._prompt_program()
            given = jax.eval_shape(lambda m, i: run(m, **i), self.model, self.inputs(reader))
            self._states[reader] = given
        return self._states[reader]

    def lower(self, phase: str, chosen: Chosen | None = None) -> Lowered:
        """The phase's program, as `model.generation.decode_loop` has it; the state is donated.

        `chosen` are the layouts of weights and cache; None leaves them to the compiler where the
        spec says 'chosen', and to JAX's default otherwise.
        """
        state, inputs = self.state(phase), self.inputs(phase)
        model_format, state_format = self._formats(state, chosen)
        around = shardings(inputs, INPUT_AXES, self.mesh)
        arguments: dict[str, tuple[object, object]] = {"inputs": (inputs, around)} if inputs else {}
        program = self.spec.program(phase)
        if program != "prompt":
            arguments = {"state": (state, state_format), **arguments}
        if program != "copy":
            arguments = {"model": (self.model, model_format), **arguments}
        names = list(arguments)
        jitted = jax.jit(
            _named(phase, self._run(phase), names),
            in_shardings=tuple(format_ for _, format_ in arguments.values()),
            out_shardings=self._results(program, state_format),
            donate_argnums=names.index("state") if "state" in names else None,
            keep_unused=True,  # so that entry parameters are the arguments, in their order
        )
        with jax.set_mesh(self.mesh):
            return jitted.lower(*(shapes for shapes, _ in arguments.values()))

    def parameters(self, phase: str) -> tuple[Parameter, ...]:
        program = self.spec.program(phase)
        weights = [] if program == "copy" else _leaves(self.model)
        leaves = [*weights]
        if program != "prompt":
            state = self.state(phase)
            leaves += [*_leaves(state.rows), *_leaves(state.cursor)]
        leaves += _leaves(self.inputs(phase))
        return tuple(
            Parameter(
                number=number,
                name=name,
                kind="weights" if number < len(weights) else _kind(name),
                axes=_axes(name),
                shape=tuple(leaf.shape),
                dtype=str(leaf.dtype),
            )
            for number, (name, leaf) in enumerate(leaves)
        )

    def layouts(self, phase: str, compiled: Compiled) -> dict[str, TensorLayout]:
        formats = jax.tree.leaves(compiled.input_formats)
        return {
            parameter.name: _layout(entry)
            for parameter, entry in zip(self.parameters(phase), formats, strict=True)
            if parameter.kind != "other"
        }

    def leaves_as_it_came(self, phase: str, compiled: Compiled) -> bool:
        if self.spec.program(phase) == "prompt":
            return True
        entry = self.layouts(phase, compiled)
        out = compiled.output_formats
        rows = (out if isinstance(out, State) else out[0]).rows
        exits = {leaf_name(path): leaf for path, leaf in tree_leaves_with_path(rows)}
        cached = [name for name in exits if _kind(name) == "kv"]
        return all(entry[name] == _layout(exits[name]) for name in cached)

    def _run(self, phase: str) -> Callable[..., object]:
        spec, thinks = self.spec, phase != ANSWER
        endings, passes = self._endings(thinks), spec.passes(phase)
        match spec.program(phase):
            case "prompt":
                run = self._prompt_program()
                return lambda model, inputs: run(model, **inputs)
            case "decode":
                return lambda model, state: decode_program(model, state, endings, Greedy(), passes)
            case "check":
                return lambda model, state, inputs: check_program(model, state, **inputs)
            case "read":
                return lambda model, state, inputs: read_program(model, state, **inputs)
        return lambda state, inputs: copy_program(state, **inputs)

    def _prompt_program(self) -> Callable[..., State]:
        endings, rules = self._endings(thinking=True), self.spec.rules
        return partial(prompt_program, endings=endings, sampler=Greedy(), rules=rules)

    def _endings(self, thinking: bool) -> Endings:
        answer_format = AnswerFormat(self.spec.rules, decode=lambda tokens: "")
        return jax.tree.map(jnp.asarray, endings_of(answer_format, thinking, cued=thinking))

    def _results(self, program: str, state: State) -> State | tuple[State, NamedSharding]:
        """Shardings of what a program gives: the state, and what it said or what it read."""
        if program in ("prompt", "copy"):
            return state
        return state, result_sharding(RESULT_AXES[program], self.mesh)

    def _formats(self, shapes: State, chosen: Chosen | None) -> tuple[Transformer, State]:
        """Shardings of model and state, with layouts where those are not JAX's default."""
        model = shardings(self.model, PARAMETER_AXES, self.mesh)
        rows = shardings(shapes.rows, STATE_AXES, self.mesh)
        state = State(rows, shardings(shapes.cursor, STATE_AXES, self.mesh))
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
        rows = with_path(with_cache_layout, state.rows)
        return with_path(with_layout, model), replace(state, rows=rows)


def _ids(*shape: int) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(shape, jnp.int32)


def _leaves(tree: object) -> list[tuple[str, ShapeDtypeStruct]]:
    return [(leaf_name(path), leaf) for path, leaf in tree_leaves_with_path(tree)]


def _layout(form: Format) -> TensorLayout:
    layout = form.layout
    assert isinstance(layout, Layout), "a compiled program's layouts are chosen"
    tiles = layout.tiling
    return TensorLayout(tuple(layout.major_to_minor), tuple(map(tuple, tiles)) if tiles else None)


def _axes(name: str) -> str:
    try:
        return axes_of(name, AXES)
    except KeyError:  # of what is not split
        return ""


def _kind(name: str) -> Kind:
    return "kv" if name.startswith(CACHE_TENSORS) else "other"


def _named(
    phase: str, function: Callable[..., object], arguments: Sequence[str]
) -> Callable[..., object]:
    """`function` of `arguments` in their order, under the phase's name, which becomes the
    program's: jit(think); and the scope of all that it does."""

    def run(*values: object) -> object:
        with jax.named_scope(phase):
            return function(**dict(zip(arguments, values, strict=True)))

    run.__name__ = run.__qualname__ = phase.replace("-", "_")
    return run
