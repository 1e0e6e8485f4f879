"""The process that compiles: `python -m rooflink.profiling.compiled.worker`.

It alone loads libtpu, whose environment, lock file and aborts never reach the caller. Reads a
CompileRequest from standard input, leaves entries in the store, and reports on standard output,
one message a line. A failure that the user can mend is a message and exit status 1; anything else
ends with a traceback or a signal, which `compile` turns into a sentence.

For the CPU that JAX already runs on, `messages_of` is called in the same process.
"""

import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
from jax.experimental import topologies
from jax.stages import Compiled, Lowered

from ...model.config import ModelInputError
from ...model.phases import THINK
from ..errors import ProfileInputError
from .cache import Store, content_key
from .compile import (
    MESSAGE,
    REQUEST,
    CompileRequest,
    Done,
    Failed,
    Message,
    Stage,
    compiler_sentence,
)
from .executable import CompiledPhase, CompiledRecord, Protos, compile_program, memory_of, totals_of
from .lowering import Chosen, Programs
from .spec import ProgramSpec
from .targets import Target

PACKAGES = ("jax", "jaxlib", "libtpu")


def main() -> None:
    """Serve one request."""
    for message in messages_of(REQUEST.validate_json(sys.stdin.read())):
        sys.stdout.buffer.write(MESSAGE.dump_json(message) + b"\n")
        sys.stdout.buffer.flush()
        if isinstance(message, Failed):
            sys.exit(1)


def messages_of(request: CompileRequest) -> Iterator[Message]:
    """Compile every phase that is asked for, telling of each."""
    try:
        yield from _Compilation(request.spec, Store(Path(request.store))).run()
    except (ProfileInputError, ModelInputError) as error:
        yield Failed(str(error))


class _Compilation:
    """The phases of one spec, from the store where it has them."""

    def __init__(self, spec: ProgramSpec, store: Store):
        mesh = spec.split.mesh(_devices(spec.target))
        self.spec, self.store = spec, store
        self.on_cpu = spec.target.platform == "cpu"
        self.programs = Programs(spec, mesh)
        self.versions = _versions(spec.target)

    def run(self) -> Iterator[Message]:
        """Compile every requested phase, telling of each."""
        chosen = None
        if self.spec.layouts == "chosen":
            yield Stage(THINK)
            done, compiled = self._phase(THINK, None)
            chosen = compiled.record.layouts
            if THINK in self.spec.phases:
                yield done
        for phase in self.spec.phases:
            if phase != THINK or chosen is None:
                yield Stage(phase)
                yield self._phase(phase, chosen)[0]

    def _phase(self, phase: str, chosen: Chosen | None) -> tuple[Done, CompiledPhase]:
        """One phase's entry, compiled if the store does not have it."""
        lowered = self.programs.lower(phase, chosen)
        key = content_key(lowered.as_text(), self.spec.target.topology, str(self.versions))
        compiled = self.store.get(key)
        if compiled is None:
            compiled = self._compiled(phase, lowered, key)
        return Done(phase, key, compiled.cached), compiled

    def _compiled(self, phase: str, lowered: Lowered, key: str) -> CompiledPhase:
        start = time.perf_counter()
        compiled, protos = self._compile(phase, lowered)
        if not self.programs.leaves_as_it_came(phase, compiled):
            # The state that one call leaves is what the next one takes: settle on its entry.
            settled = self.programs.layouts(phase, compiled)
            compiled, protos = self._compile(phase, self.programs.lower(phase, settled))
        record = self._record(phase, compiled, time.perf_counter() - start)
        self.store.put(key, record, protos)
        stored = self.store.get(key, cached=False)
        if stored is None:
            raise ProfileInputError(f"{self.store.folder} does not keep what is written to it")
        return stored

    def _compile(self, phase: str, lowered: Lowered) -> tuple[Compiled, Protos]:
        try:
            return compile_program(lowered, dump=not self.on_cpu)
        except (jax.errors.JaxRuntimeError, NotImplementedError) as error:
            sentence = compiler_sentence(str(error), phase, self.spec.target.name)
            raise ProfileInputError(sentence) from error

    def _record(self, phase: str, compiled: Compiled, compile_s: float) -> CompiledRecord:
        spec = self.spec
        return CompiledRecord(
            phase=phase,
            target=spec.target.name,
            passes=spec.passes(phase),
            devices=spec.target.devices,
            mesh=spec.split.describe(spec.config),
            parameters=self.programs.parameters(phase),
            layouts=self.programs.layouts(phase, compiled),
            memory=memory_of(compiled, self.on_cpu),
            xla=totals_of(compiled),
            compile_s=compile_s,
            versions=self.versions,
        )


def _devices(target: Target) -> list[jax.Device]:
    """The target's devices: of this machine, or of a topology that only the compiler knows."""
    if target.platform == "cpu":
        return jax.devices("cpu")[:1]
    try:
        topology = topologies.get_topology_desc(platform="tpu", topology_name=target.topology)
    except (jax.errors.JaxRuntimeError, NotImplementedError) as error:
        raise ProfileInputError(compiler_sentence(str(error), "any phase", target.name)) from error
    return list(topology.devices)


def _versions(target: Target) -> dict[str, str]:
    versions = {}
    for package in PACKAGES if target.platform == "tpu" else PACKAGES[:2]:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # e.g. a nightly build under another name
            versions[package] = "unknown"
    return versions


if __name__ == "__main__":
    main()
