"""The process that compiles and reads: `python -m rooflink.profiling.compiled.worker`.

It alone loads XLA's readers and libtpu, whose environment, lock file and aborts never reach the
caller. Reads a CompileRequest from standard input, leaves programs in the store, and reports on
standard output, one message a line. A failure that the user can mend is a message; anything else
ends with a traceback or a signal, which `compile` turns into a sentence. It ends with its caller.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental import topologies
from jax.stages import Compiled, Lowered

from ...model.config import ModelInputError
from ...model.phases import THINK
from ...tpu_configs.catalog import load_chip
from ..backend import scope_names_kept
from ..errors import ProfileInputError
from ..records import DeviceMemory
from .cache import Program, Store, program_key
from .compile import (
    MESSAGE,
    REQUEST,
    CompileRequest,
    Done,
    Failed,
    Message,
    Stage,
    Unkept,
    Written,
)
from .compiler_failures import compiler_sentence
from .lens import data_trips, phase_cost, traffic_of
from .lowering import Chosen, Programs
from .spec import ProgramSpec, Target


def main() -> None:
    """Serve one request, as long as the caller keeps standard input open."""
    request = REQUEST.validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_caller, args=[request.scratch], daemon=True).start()
    for message in messages_of(request):
        sys.stdout.buffer.write(MESSAGE.dump_json(message) + b"\n")
        sys.stdout.buffer.flush()


def _end_with_the_caller(scratch: str | None) -> None:
    sys.stdin.read()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def messages_of(request: CompileRequest) -> Iterator[Message]:
    """Compile every phase that is asked for, telling of each; then write the session, if any."""
    spec, programs = request.spec, []
    try:
        for step in compiled_programs(spec, Store(Path(request.store))):
            if isinstance(step, Stage | Unkept):
                yield step
            else:
                programs.append(step)
                yield Done(step.cost)
        if request.xprof is not None:
            yield Written(str(_write_session(spec, programs, Path(request.xprof))))
    except (ProfileInputError, ModelInputError) as error:
        yield Failed(str(error))


def _write_session(spec: ProgramSpec, programs: list[Program], folder: Path) -> Path:
    from .xprof import PhaseProgram, write_session  # which few compilations ask for

    assert spec.target.chip is not None
    name = f"{spec.config.name}-{spec.target.name.replace(':', '-')}"
    phases = [
        PhaseProgram(
            name=program.cost.phase,
            traffic=traffic_of(
                program.module,
                program.cost.phase,
                program.parameters,
                data_trips(spec, program.cost.phase),
            ),
            flops=program.cost.counted_flops,
            hlo_proto=program.module,
            assigned_proto=program.assigned,
            passes=program.cost.passes,
        )
        for program in programs
    ]
    return write_session(phases, load_chip(spec.target.chip), folder, name, spec.dtype)


def compiled_programs(spec: ProgramSpec, store: Store) -> Iterator[Stage | Unkept | Program]:
    """The programs of a spec's phases, each behind its stage, from the store where it has them;
    one that cannot be kept is told of, and serves all the same."""
    compiler, chosen = _Compiler(spec), None
    phases = spec.phases
    if spec.layouts == "chosen":
        phases = (THINK, *(phase for phase in spec.phases if phase != THINK))
    for phase in phases:
        yield Stage(phase)
        key = program_key(spec, phase)
        program = store.get(key)
        if program is None:
            program = compiler.program(phase, chosen)
            try:
                store.put(key, program)
            except ProfileInputError as error:
                yield Unkept(str(error))
        if spec.layouts == "chosen" and phase == THINK:
            chosen = program.layouts
        if phase in spec.phases:
            yield program


class _Compiler:
    def __init__(self, spec: ProgramSpec):
        self.spec = spec
        self.programs = Programs(spec, spec.split.mesh(_devices(spec.target)))

    def program(self, phase: str, chosen: Chosen | None) -> Program:
        """One phase's program, with the layouts that the think loop chose."""
        start = time.perf_counter()
        compiled, *protos = self._compile(phase, self.programs.lower(phase, chosen))
        if not self.programs.leaves_as_it_came(phase, compiled):
            # The state that one call leaves is what the next one takes: settle on its entry.
            settled = self.programs.layouts(phase, compiled)
            compiled, *protos = self._compile(phase, self.programs.lower(phase, settled))
        costs = compiled.cost_analysis() or {}
        parameters = self.programs.parameters(phase)
        cost = phase_cost(
            self.spec,
            phase,
            traffic_of(protos[0], phase, parameters, data_trips(self.spec, phase)),
            memory=memory_of(compiled, self.spec.target),
            xla_flops=float(costs.get("flops", 0.0)),
            xla_bytes_accessed=float(costs.get("bytes accessed", 0.0)),
            compile_s=time.perf_counter() - start,
        )
        return Program(parameters, self.programs.layouts(phase, compiled), cost, *protos)

    def _compile(self, phase: str, lowered: Lowered) -> tuple[Compiled, bytes, bytes]:
        try:
            return compile_program(lowered, dump=self.spec.target.platform == "tpu")
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


_UNRUN: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
"""For a CPU: the same HLO and memory in half the time, as its machine code never runs."""

_FINAL_HLO = "*after_codegen.hlo.pb"
_ASSIGNED_HLO = "*after_optimizations.hlo.pb"


@scope_names_kept()
def compile_program(lowered: Lowered, dump: bool) -> tuple[Compiled, bytes, bytes]:
    """The executable, its serialised program, and that with a buffer assignment where there is one.

    jaxlib hands out the proto only after it has read it itself, which fails where libtpu is newer
    than jaxlib and writes what that does not know (an asynchronous update with several operands,
    in libtpu 0.0.52). With `dump` it is taken from the compiler's own dump, the same module.

    Raises JaxRuntimeError for what the compiler refuses.
    """
    if not dump:
        compiled = lowered.compile(_UNRUN)
        return compiled, _proto_of(compiled), b""
    with tempfile.TemporaryDirectory(prefix="rooflink-hlo-") as folder:
        compiled = lowered.compile({"xla_dump_to": folder, "xla_dump_hlo_as_proto": True})
        dumped = list(Path(folder).glob(_FINAL_HLO))
        assigned = [path.read_bytes() for path in Path(folder).glob(_ASSIGNED_HLO)]
        if len(dumped) == 1:
            return compiled, dumped[0].read_bytes(), assigned[0] if len(assigned) == 1 else b""
    return compiled, _proto_of(compiled), b""  # a compiler that names its dumps otherwise


def _proto_of(compiled: Compiled) -> bytes:
    executable = compiled.runtime_executable()
    assert executable is not None
    module: bytes = executable.hlo_modules()[0].as_serialized_hlo_module_proto()
    return module


def memory_of(compiled: Compiled, target: Target) -> DeviceMemory:
    """XLA's buffer assignment of one device; a CPU's own "peak" leaves out the temporaries."""
    stats, chip = compiled.memory_analysis(), target.slice and target.slice.chip
    assert stats is not None
    held = stats.argument_size_in_bytes + stats.output_size_in_bytes
    at_most = held - stats.alias_size_in_bytes + stats.temp_size_in_bytes
    return DeviceMemory(
        argument_bytes=stats.argument_size_in_bytes,
        temporary_bytes=stats.temp_size_in_bytes,
        peak_bytes=stats.peak_memory_in_bytes if chip else at_most,
        capacity_bytes=chip.hbm_capacity_bytes / chip.jax_devices if chip else None,
    )


if __name__ == "__main__":
    main()
