"""Compiled lens: what XLA's executable for a target moves, as it is kept in a profile.

Bytes are those of one device over one call of a phase's program, whole tiles as they move.
"""

from typing import Literal

from pydantic import Field, computed_field

from .base import Amount, Count, HbmBytes, Positive, Range, Record, Whole


class HbmRow(Record):
    """HBM traffic of one scope and kind of data."""

    scope: str = Field(description="e.g. 'attention/projections'; 'unattributed' where unknown")
    kind: str = Field(description="weights, kv, activations, collectives, 'copy of kv' ...")
    read_bytes: Count
    written_bytes: Count


class MemoryLevel(Record):
    """Traffic of one memory level."""

    level: str = Field(description="HBM, VMEM, CMEM, SMEM ... as the executable places buffers")
    read_bytes: Count
    written_bytes: Count


class CollectiveTraffic(Record):
    """Exchanges of one type between devices."""

    type: str = Field(description="all-reduce, all-gather ...")
    group_size: Count = Field(description="devices that exchange with each other")
    mesh_axis: str = Field(description="axis of the mesh with groups of that size; '?' if unclear")
    count: Count = Field(description="exchanges in one call of the program")
    operand_bytes: Count = Field(description="of one device, over all of them")
    time_at_link_speed_s: Amount | None = Field(
        description="bytes over a ring at one link's datasheet bandwidth; None where not public"
    )


class DeviceMemory(Record):
    """XLA's buffer assignment for one device, against the device's HBM."""

    argument_bytes: Count
    temporary_bytes: Count
    peak_bytes: Count
    capacity_bytes: Amount | None = Field(description="HBM of one device; None for a CPU")

    @property
    def fits(self) -> bool:
        """Whether the peak is within capacity, where that is known."""
        return self.capacity_bytes is None or self.peak_bytes <= self.capacity_bytes


class Excess(Record):
    """Bytes moved beyond the counted ones, or counted bytes that the compiler saved."""

    name: str = Field(description="e.g. 'copies of kv', 'tile padding'")
    excess_bytes: int = Field(description="negative where the executable moves less than counted")
    share: float = Field(description="of the counted bytes")
    evidence: str = Field(description="the instructions or shapes that show it")
    fix: str | None = Field(description="what would avoid it, where that is known")


CompiledBound = Literal["compute", "memory", "links"]


class TargetRoofline(Record):
    """One call of a phase's program on its target's datasheet roofline: a lower bound."""

    ridge: Positive = Field(description="FLOPs per byte from which compute takes longer")
    compute_s: Amount = Field(description="the jaxpr's FLOPs at the peak of one device")
    memory_s: Amount = Field(description="compiled HBM bytes at the bandwidth of one device")
    links_s: Amount = Field(description="collectives at link speed, those of known speed")

    @computed_field
    @property
    def bound(self) -> CompiledBound:
        """The longest of the three times, compute first of equals."""
        times: dict[CompiledBound, float] = {
            "compute": self.compute_s, "memory": self.memory_s, "links": self.links_s
        }  # fmt: skip
        return max(times, key=lambda name: times[name])

    @computed_field
    @property
    def time_at_peak_s(self) -> float:
        """The longest of the three: what no device can beat."""
        return max(self.compute_s, self.memory_s, self.links_s)


class CompiledPhase(Record):
    """One phase's program on one target."""

    phase: str
    passes: Count = Field(description="passes through the model in one call of the program")
    counted_bytes: HbmBytes = Field(description="counted, split evenly over the devices")
    counted_flops: Count = Field(description="matmul FLOPs of one device, from the jaxpr")
    hbm: list[HbmRow]
    levels: list[MemoryLevel]
    padding_bytes: Count = Field(description="of the HBM bytes, tile padding")
    collectives: list[CollectiveTraffic]
    kernels: Count = Field(description="instructions executed, loops multiplied out")
    compiler_cycles: Count | None = Field(description="XLA's own estimates; None: none")
    memory: DeviceMemory
    unresolved_loops: list[str] = Field(description="of unknown length, counted once")
    unknown_calls: list[str] = Field(description="custom calls without a cost estimate")
    upper_bounds: list[str] = Field(
        default=[], description="why a run may move fewer bytes: branches not taken, dynamic sizes"
    )
    stated_bytes: Count = Field(
        default=0,
        description="of the HBM bytes, what kernels (Pallas) state of themselves in their cost "
        "estimates: no HLO shows it",
    )
    xla_flops: Amount = Field(description="XLA's own total, each loop's body counted once")
    xla_bytes_accessed: Amount = Field(description="XLA's own total, all memory levels mixed")
    excesses: list[Excess] = Field(description="largest first")
    unexplained_bytes: int = Field(description="compiled less counted less all excesses")
    compile_s: Amount
    predicted_time_s: Range | None = Field(
        default=None,
        description="of one call on the target, from these bytes; None for a CPU or uncalibrated",
    )

    at_peak: TargetRoofline | None = Field(
        default=None,
        description="None for a CPU",
    )

    @computed_field
    @property
    def hbm_bytes(self) -> int:
        """HBM bytes read and written by one device in one call."""
        return sum(row.read_bytes + row.written_bytes for row in self.hbm)

    @computed_field
    @property
    def intensity(self) -> float:
        """FLOPs of one device per HBM byte that the executable moves; 0 if nothing moves."""
        return self.counted_flops / self.hbm_bytes if self.hbm_bytes else 0.0

    @property
    def ratio(self) -> float:
        """Compiled over counted HBM bytes."""
        return self.hbm_bytes / self.counted_bytes.total if self.counted_bytes.total else 0.0


class CompiledTarget(Record):
    """All phases on one target."""

    target: str = Field(description="'cpu' or a topology, e.g. 'v5e:2x4'")
    devices: Whole
    mesh: str = Field(description="how the devices are split, in words")
    prompt_tokens: Count = Field(description="cached positions shared by the attempts of a prompt")
    context: Count = Field(description="cached positions of an attempt, the prompt's included")
    batch: Whole
    attempts: Whole
    versions: dict[str, str]
    phases: list[CompiledPhase]
    notes: list[str] = Field(default=[], description="what went otherwise than usual")
