"""The process that compiles and reads: `python -m rooflink.profiling.compiled.worker`.

It alone loads XLA's readers and libtpu, whose environment, lock file and aborts never reach the
caller. Reads a CompileRequest from standard input, leaves programs in the store, and reports on
standard output, one message a line. A failure that the user can mend is a message; anything else
ends with a traceback or a signal, which `compile` turns into a sentence. It ends with its caller.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import jax
from google.protobuf.message import DecodeError
from jax.experimental import topologies
from jax.stages import Compiled, Lowered

from ...model.config import ModelInputError
from ...model.phases import THINK
from ...tpu_configs.catalog import load_chip
from ..backend import scope_names_kept
from ..errors import ProfileInputError
from .cache import Memory, Program, ProgramRecord, Protos, Store, program_key
from .compile import (
    MESSAGE,
    REQUEST,
    CompileRequest,
    Done,
    Failed,
    Message,
    Stage,
    Written,
    compiler_sentence,
)
from .hlo.proto import HloEnvelope
from .lens import phase_cost, phase_program
from .lowering import Chosen, Programs
from .spec import ProgramSpec
from .targets import Target


def main() -> None:
    """Serve one request, as long as the caller keeps standard input open."""
    request = REQUEST.validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    for message in messages_of(request):
        sys.stdout.buffer.write(MESSAGE.dump_json(message) + b"\n")
        sys.stdout.buffer.flush()


def _end_with_the_caller() -> None:
    sys.stdin.read()
    os._exit(1)


def messages_of(request: CompileRequest) -> Iterator[Message]:
    """Compile every phase that is asked for, telling of each; then write the session, if any."""
    spec, programs = request.spec, []
    try:
        for step in compiled_programs(spec, Store(Path(request.store))):
            if isinstance(step, Stage):
                yield step
            else:
                programs.append(step)
                yield Done(step.cost)
        if request.xprof is not None:
            yield Written(str(_write_session(spec, programs, Path(request.xprof))))
    except (ProfileInputError, ModelInputError) as error:
        yield Failed(str(error))


def _write_session(spec: ProgramSpec, programs: list[Program], folder: Path) -> Path:
    from .xprof import write_session  # which few compilations ask for

    assert spec.target.chip is not None
    name = f"{spec.config.name}-{spec.target.name.replace(':', '-')}"
    phases = [phase_program(spec, program) for program in programs]
    return write_session(phases, load_chip(spec.target.chip), folder, name, spec.dtype)


def compiled_programs(spec: ProgramSpec, store: Store) -> Iterator[Stage | Program]:
    """The programs of a spec's phases, each behind its stage, from the store where it has them."""
    compiler, chosen = _Compiler(spec, store), None
    if spec.layouts == "chosen":
        yield Stage(THINK)
        think = compiler.program(THINK, None)
        chosen = think.record.layouts
        if THINK in spec.phases:
            yield think
    for phase in spec.phases:
        if phase != THINK or chosen is None:
            yield Stage(phase)
            yield compiler.program(phase, chosen)


class _Compiler:
    """Compiles phases of one spec."""

    def __init__(self, spec: ProgramSpec, store: Store):
        self.spec, self.store = spec, store
        self.on_cpu = spec.target.platform == "cpu"
        self.programs = Programs(spec, spec.split.mesh(_devices(spec.target)))

    def program(self, phase: str, chosen: Chosen | None) -> Program:
        """One phase's program, compiled if the store does not have it."""
        key = program_key(self.spec, phase)
        program = self.store.get(key)
        if program is None:
            program = self._compiled(phase, chosen)
            self.store.put(key, program)
        return program

    def _compiled(self, phase: str, chosen: Chosen | None) -> Program:
        start = time.perf_counter()
        compiled, protos = self._compile(phase, self.programs.lower(phase, chosen))
        if not self.programs.leaves_as_it_came(phase, compiled):
            # The state that one call leaves is what the next one takes: settle on its entry.
            settled = self.programs.layouts(phase, compiled)
            compiled, protos = self._compile(phase, self.programs.lower(phase, settled))
        costs = compiled.cost_analysis() or {}
        record = ProgramRecord(
            phase=phase,
            parameters=self.programs.parameters(phase),
            layouts=self.programs.layouts(phase, compiled),
            memory=memory_of(compiled, self.on_cpu),
            xla_flops=float(costs.get("flops", 0.0)),
            xla_bytes_accessed=float(costs.get("bytes accessed", 0.0)),
            compile_s=time.perf_counter() - start,
        )
        return Program(record, phase_cost(self.spec, record, protos.module), protos)

    def _compile(self, phase: str, lowered: Lowered) -> tuple[Compiled, Protos]:
        try:
            return compile_program(lowered, dump=not self.on_cpu)
        except (jax.errors.JaxRuntimeError, NotImplementedError) as error:
            sentence = compiler_sentence(str(error), phase, self.spec.target.name)
            raise ProfileInputError(sentence) from error


def _devices(target: Target) -> list[jax.Device]:
    """The target's devices: of this machine, or of a topology that only the compiler knows."""
    if target.platform == "cpu":
        return jax.devices("cpu")[:1]
    try:
        topology = topologies.get_topology_desc(platform="tpu", topology_name=target.topology)
    except (jax.errors.JaxRuntimeError, NotImplementedError) as error:
        raise ProfileInputError(compiler_sentence(str(error), "any phase", target.name)) from error
    return list(topology.devices)


_FINAL_HLO = "*after_codegen.hlo.pb"
_ASSIGNED_HLO = "*after_optimizations.hlo.pb"


@scope_names_kept()
def compile_program(lowered: Lowered, dump: bool) -> tuple[Compiled, Protos]:
    """The executable and its serialised program.

    jaxlib hands out the proto only after it has read it itself, which fails where libtpu is newer
    than jaxlib and writes what that does not know (an asynchronous update with several operands,
    in libtpu 0.0.52). With `dump` it is taken from the compiler's own dump, the same module.

    Raises JaxRuntimeError for what the compiler refuses.
    """
    if not dump:
        compiled = lowered.compile()
        return compiled, Protos(_proto_of(compiled), b"")
    with tempfile.TemporaryDirectory(prefix="rooflink-hlo-") as folder:
        compiled = lowered.compile({"xla_dump_to": folder, "xla_dump_hlo_as_proto": True})
        dumped = list(Path(folder).glob(_FINAL_HLO))
        assigned = [path.read_bytes() for path in Path(folder).glob(_ASSIGNED_HLO)]
        if len(dumped) == 1:
            one = assigned[0] if len(assigned) == 1 else b""
            return compiled, Protos(_module_in(dumped[0].read_bytes()), one)
    return compiled, Protos(_proto_of(compiled), b"")  # a compiler that names its dumps otherwise


class _HloModule(Protocol):
    def as_serialized_hlo_module_proto(self) -> bytes: ...


class _Executable(Protocol):
    """What JAX's `runtime_executable` gives."""

    def hlo_modules(self) -> list[_HloModule]: ...


def _proto_of(compiled: Compiled) -> bytes:
    executable = cast(_Executable, compiled.runtime_executable())
    return executable.hlo_modules()[0].as_serialized_hlo_module_proto()


def _module_in(dump: bytes) -> bytes:
    """The HloModuleProto inside a serialised HloProto."""
    try:
        module: bytes = HloEnvelope.FromString(dump).hlo_module
    except DecodeError:
        module = b""
    if not module:
        raise ProfileInputError("the compiler's dump of the program is not an HloProto")
    return module


class _MemoryStats(Protocol):
    """What JAX's `memory_analysis` gives, bytes of one device."""

    argument_size_in_bytes: int
    output_size_in_bytes: int
    temp_size_in_bytes: int
    alias_size_in_bytes: int
    peak_memory_in_bytes: int


def memory_of(compiled: Compiled, on_cpu: bool) -> Memory:
    """XLA's buffer assignment of one device."""
    stats = cast(_MemoryStats, compiled.memory_analysis())
    held = stats.argument_size_in_bytes + stats.output_size_in_bytes
    # A CPU's "peak" leaves out the temporaries.
    at_most = held - stats.alias_size_in_bytes + stats.temp_size_in_bytes
    return Memory(
        argument_bytes=stats.argument_size_in_bytes,
        output_bytes=stats.output_size_in_bytes,
        temporary_bytes=stats.temp_size_in_bytes,
        aliased_bytes=stats.alias_size_in_bytes,
        peak_bytes=at_most if on_cpu else stats.peak_memory_in_bytes,
    )


if __name__ == "__main__":
    main()
