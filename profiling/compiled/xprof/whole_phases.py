"""The device's plane with each phase as a single operation: a row a phase in XProf's tables."""

from ..traffic.record import HBM
from .device import DevicePlane, breakdown
from .phase import PhaseProgram
from .split import row_flops

CATEGORY = "phase"


class PhaseRows(DevicePlane):
    """Writes a phase as one operation of the phase's name, FLOPs, bytes and predicted time.

    `xprof get_roofline_model` and its kin list operations and leave steps out, so that only an
    operation makes a row there.
    """

    def _operations(self, phase: PhaseProgram, program: int) -> None:
        rows = phase.traffic.rows
        duration = sum(
            self.roof.time_ps(flops, row.bytes(HBM))
            for row, flops in zip(rows, row_flops(phase), strict=True)
        )
        kind = self.writer.add_kind(
            f"%{phase.name} = {CATEGORY}",
            {
                "hlo_category": CATEGORY,
                "flops": phase.flops,
                "model_flops": phase.flops,
                "bytes_accessed": sum(row.bytes(None) for row in rows),
                "memory_access_breakdown": breakdown(rows),
                "tf_op": f"{phase.name}:",
                "program_id": program,
                "symbol_id": self._next_symbol(),
            },
            phase.name,
        )
        self._event(kind, duration, {"executions": 1})
        self.now_ps += duration
