"""One phase's program compiled by XLA for one target: its final HLO, its memory and its totals, as
stored and read back.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from google.protobuf.message import DecodeError
from jax.stages import Compiled, Lowered

from ..backend import scope_names_kept
from ..errors import ProfileInputError
from .hlo.proto import HloEnvelope
from .lowering import Parameter, TensorLayout


@dataclass(frozen=True)
class Memory:
    """XLA's buffer assignment: bytes of one device's HBM (of main memory on a CPU)."""

    argument_bytes: int
    output_bytes: int
    temporary_bytes: int
    aliased_bytes: int  # of the outputs, those that take over a donated argument's place
    peak_bytes: int


@dataclass(frozen=True)
class XlaTotals:
    """XLA's own totals for one device, each loop's body counted once: shown, never relied on."""

    flops: float
    bytes_accessed: float


@dataclass(frozen=True)
class CompiledRecord:
    """All of a compiled phase but its HLO; plain data, kept as JSON."""

    phase: str
    target: str
    passes: int  # through the model in one call of the program
    devices: int
    mesh: str  # the split of the devices, in words
    parameters: tuple[Parameter, ...]
    layouts: dict[str, TensorLayout]  # of weights and cache at the program's entry
    memory: Memory
    xla: XlaTotals
    compile_s: float
    versions: dict[str, str]


@dataclass(frozen=True)
class CompiledPhase:
    """One phase's executable: its record, and the files with its program."""

    record: CompiledRecord
    hlo_path: Path
    assigned_path: Path
    cached: bool  # read from the store, not compiled now

    @property
    def phase(self) -> str:
        """Name of the phase."""
        return self.record.phase

    @property
    def hlo_proto(self) -> bytes:
        """The optimised, scheduled program as a serialised HloModuleProto."""
        return self.hlo_path.read_bytes()

    @property
    def assigned_proto(self) -> bytes:
        """A HloProto of the program with its buffer assignment; empty where there is none."""
        return self.assigned_path.read_bytes()


_FINAL_HLO = "*after_codegen.hlo.pb"
_ASSIGNED_HLO = "*after_optimizations.hlo.pb"


class Protos(NamedTuple):
    """A program as the compiler left it."""

    module: bytes  # HloModuleProto
    assigned: bytes  # HloProto with the buffer assignment; empty where it is not to be had


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
            return compiled, Protos(module_in(dumped[0].read_bytes()), one)
    return compiled, Protos(_proto_of(compiled), b"")  # a compiler that names its dumps otherwise


class _MemoryStats(Protocol):
    """What JAX's `memory_analysis` gives, bytes of one device."""

    argument_size_in_bytes: int
    output_size_in_bytes: int
    temp_size_in_bytes: int
    alias_size_in_bytes: int
    peak_memory_in_bytes: int


class _HloModule(Protocol):
    def as_serialized_hlo_module_proto(self) -> bytes: ...


class _Executable(Protocol):
    """What JAX's `runtime_executable` gives."""

    def hlo_modules(self) -> list[_HloModule]: ...


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


def totals_of(compiled: Compiled) -> XlaTotals:
    """XLA's own totals; zero where the backend does not give them."""
    costs = compiled.cost_analysis() or {}
    return XlaTotals(
        flops=float(costs.get("flops", 0.0)),
        bytes_accessed=float(costs.get("bytes accessed", 0.0)),
    )


def module_in(dump: bytes) -> bytes:
    """The HloModuleProto inside a serialised HloProto. Raises ProfileInputError for bytes that are
    not one."""
    try:
        module: bytes = HloEnvelope.FromString(dump).hlo_module
    except DecodeError:
        module = b""
    if not module:
        raise ProfileInputError("the compiler's dump of the program is not an HloProto")
    return module


def _proto_of(compiled: Compiled) -> bytes:
    executable = cast(_Executable, compiled.runtime_executable())
    return executable.hlo_modules()[0].as_serialized_hlo_module_proto()
