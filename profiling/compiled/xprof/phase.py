"""PhaseProgram: what the session's writer needs to know of one compiled phase."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..hlo.module import Module
from ..hlo.reading import parse_module
from ..traffic.record import ModuleTraffic


@dataclass(frozen=True)
class PhaseProgram:
    """One phase's program: figures are those of one device over one call.

    `flops` are the counted lens's, a multiply-add being 2. `flops_by_scope` says how many of them
    each named scope has, those of the scopes inside it apart, where the caller knows; what it
    leaves over, or all of them, goes to the instructions by the shapes of their matmuls (see
    `split`). `assigned_proto` is the HloProto with the buffer assignment, the dump named
    `*.after_optimizations.hlo.pb` of `xla_dump_hlo_as_proto`: XProf's viewers get it in place of
    `hlo_proto`, if it is there.
    """

    name: str
    traffic: ModuleTraffic
    flops: int
    hlo_proto: bytes = field(repr=False)  # an HloModuleProto, or an HloProto
    assigned_proto: bytes = field(default=b"", repr=False)
    passes: int = 1  # through the model in one call
    flops_by_scope: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def module(self) -> Module:
        """The program. Raises ProfileInputError where the bytes hold none."""
        return parse_module(self.hlo_proto, f"the program of {self.name}")
