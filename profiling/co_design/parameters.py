"""Hardware parameters: their names, what each changes in a point, and what is there today."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ...tpu_configs.slice import Slice
from ..predicted.arrays import Number
from ..records.codesign import Parameter
from .chip_cost_model import CostModel
from .design_point import Point


@dataclass(frozen=True)
class HardwareParameter:
    """A field of a point's chip, or of a stack's overheads, that can be multiplied."""

    name: str
    words: str
    unit: str
    part: Literal["hardware", "overheads"]
    field: str
    rises: float = 1.0  # sign of an improvement: +1 more is better, -1 less is

    def value(self, point: Point) -> Number:
        """What it is at `point`; an overhead is a factor of the stack's own."""
        return getattr(getattr(point, self.part), self.field)

    def apply(self, point: Point, factor: Number) -> Point:
        """`point` with the parameter multiplied."""
        changed = {self.field: self.value(point) * factor}
        return replace(point, **{self.part: replace(getattr(point, self.part), **changed)})


HARDWARE_PARAMETERS: tuple[HardwareParameter, ...] = tuple(
    HardwareParameter(*row)
    for row in (
        ("matrix_flops", "matrix FLOP/s", "FLOP/s", "hardware", "matmul_flops"),
        ("hbm_bandwidth", "HBM bandwidth", "B/s", "hardware", "memory_bandwidth"),
        ("hbm_capacity", "HBM capacity", "B", "hardware", "memory_bytes"),
        ("on_chip_bandwidth", "on-chip bandwidth", "B/s", "hardware", "on_chip_bandwidth"),
        ("link_bandwidth", "link bandwidth", "B/s", "hardware", "link_bandwidth"),
        ("link_latency", "link latency", "s", "hardware", "hop_s", -1.0),
        ("kernel_overhead", "kernel overhead", "1", "overheads", "kernel", -1.0),
        ("collective_overhead", "collective overhead", "1", "overheads", "collective", -1.0),
        ("host_overhead", "host overhead", "1", "overheads", "host", -1.0),
    )
)
"""Those in which time has a derivative."""
ON_CHIP = "on_chip_capacity"
TILE = "matrix_tile"
NAMES = (*(parameter.name for parameter in HARDWARE_PARAMETERS), ON_CHIP, TILE)
_TILE = HardwareParameter(TILE, "matrix unit's side", "1", "hardware", "tile")
PARAMETER_BY_NAME = {parameter.name: parameter for parameter in (*HARDWARE_PARAMETERS, _TILE)}
ON_CHIP_WORDS = "on-chip capacity"


def modelled(on_slice: Slice) -> list[str]:
    """Parameters whose change the time model knows of, on this slice's chip."""
    chip = on_slice.chip
    names = [parameter.name for parameter in HARDWARE_PARAMETERS]
    on_chip = chip.on_chip_memory
    if on_chip is None or on_chip.bandwidth is None:
        names.remove("on_chip_bandwidth")
    if on_chip is not None:
        names.append(ON_CHIP)
    return names


def on_chip_bytes(on_slice: Slice) -> float:
    """Bytes of the chip's on-chip memory; 0 where they are not public."""
    on_chip = on_slice.chip.on_chip_memory
    return on_chip.capacity.value if on_chip else 0.0


def scaled(
    point: Point, factors: Mapping[str, Number], on_chip: Number, costs: CostModel | None = None
) -> Point:
    """`point` with each parameter multiplied; power and price follow by `costs` where given.

    Bytes added to the on-chip memory keep weights from being read: `on_chip` is what the chip has.
    """
    changed = point
    for name, factor in factors.items():
        if name == ON_CHIP:
            pinned = point.pinned_bytes + on_chip * (factor - 1.0)
            changed = replace(changed, pinned_bytes=pinned)
        else:
            changed = PARAMETER_BY_NAME[name].apply(changed, factor)
    if costs is None:
        return changed
    watts, usd = costs.factors(factors)
    return replace(
        changed,
        watts_factor=point.watts_factor * watts,
        usd_factor=point.usd_factor * usd,
    )


def present_value(point: Point, on_slice: Slice, name: str) -> float:
    """A parameter of NAMES before any change; 0 for an on-chip memory that is not public."""
    if name == ON_CHIP:
        return on_chip_bytes(on_slice)
    return float(PARAMETER_BY_NAME[name].value(point))


def facts(point: Point, on_slice: Slice) -> list[Parameter]:
    """Every parameter with what it is before any change."""
    words = {name: (row.words, row.unit) for name, row in PARAMETER_BY_NAME.items()}
    words[ON_CHIP] = (ON_CHIP_WORDS, "B")
    public = {*modelled(on_slice), *([TILE] if float(point.hardware.tile) > 1 else [])}
    return [
        Parameter(
            name=name,
            words=words[name][0],
            unit=words[name][1],
            value=(present_value(point, on_slice, name) or None) if name in public else None,
            step=2.0 if name == TILE else None,
        )
        for name in NAMES
    ]
