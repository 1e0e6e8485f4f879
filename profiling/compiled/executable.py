"""CompiledPhase: what XLA made of one phase for one target, as it is kept and read back."""

from dataclasses import dataclass
from pathlib import Path

from .programs import Parameter, TensorLayout
from .spec import PhaseName


@dataclass(frozen=True)
class Memory:
    """XLA's buffer assignment: bytes of one device's HBM (of main memory on a CPU)."""

    argument_bytes: int
    output_bytes: int
    temporary_bytes: int
    aliased_bytes: int  # of the outputs, those that take over a donated argument's place
    code_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class XlaTotals:
    """XLA's own totals for one device, each loop's body counted once: shown, never relied on."""

    flops: float
    bytes_accessed: float


@dataclass(frozen=True)
class CompiledRecord:
    """All of a compiled phase but its HLO; plain data, kept as JSON."""

    phase: PhaseName
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
    def phase(self) -> PhaseName:
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
