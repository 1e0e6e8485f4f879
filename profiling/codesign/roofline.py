"""Roofline: a chip's datasheet roofs and where each phase lies under them."""

import numpy as np

from ..record.codesign import Roofline, RooflinePoint
from .costs import PHASES, Costs, costs_of, whole_work
from .point import Point
from .setting import Setting


def roofline(known: Setting) -> Roofline:
    """The roofs of the setting's chip, its phases under them."""
    chip = known.slice.chip
    peak = chip.peak_flops(known.query.matmul_dtype)
    return Roofline(
        chip=chip.name,
        peak_flops=peak.flop_per_s,
        peak_dtype=peak.dtype,
        memory_bandwidth=chip.hbm_bandwidth,
        ridge=chip.ridge(known.query.matmul_dtype),
        points=roofline_points(known, known.point),
    )


def roofline_points(known: Setting, point: Point) -> list[RooflinePoint]:
    """Each phase that the workload has, at the median."""
    found = costs_of(point, known.draws)
    return [
        _point(phase, i, found, point)
        for i, phase in enumerate(PHASES)
        if phase != "think" or float(known.query.lengths.think_tokens) > 1
    ]


def _point(phase: str, index: int, found: Costs, point: Point) -> RooflinePoint:
    whole = whole_work(point, found.work)
    flops = float(np.asarray(whole.flops)[index])
    moved = float(np.asarray(whole.memory_bytes)[index])
    seconds = float(np.median(np.asarray(found.time_s)[index]))
    return RooflinePoint(
        phase=phase,
        intensity=flops / moved,
        flops_per_s=flops / seconds / float(point.chips),
    )
