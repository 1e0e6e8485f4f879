"""Hardware parameters: their names, what each changes in a point, and what is there today."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ...tpu_configs.slice import Slice
from ..predicted.arrays import Number
from ..records.codesign import Parameter
from .chip_cost_model import CostModel
from .design_point import Point

Sense = str
"""rate: more is faster; latency: less is faster; size: more holds more; overhead: a stack's."""


@dataclass(frozen=True)
class HardwareParameter:
    """A parameter that can be multiplied."""

    name: str
    words: str
    unit: str
    sense: Sense
    apply: Callable[[Point, Number], Point]
    rises: float = 1.0  # sign of an improvement: +1 more is better, -1 less is


def _hardware(field: str) -> Callable[[Point, Number], Point]:
    def apply(point: Point, factor: Number) -> Point:
        value = getattr(point.hardware, field) * factor
        return replace(point, hardware=replace(point.hardware, **{field: value}))

    return apply


def _overhead(field: str) -> Callable[[Point, Number], Point]:
    def apply(point: Point, factor: Number) -> Point:
        value = getattr(point.overheads, field) * factor
        return replace(point, overheads=replace(point.overheads, **{field: value}))

    return apply


HARDWARE_PARAMETERS: tuple[HardwareParameter, ...] = (
    HardwareParameter("matrix_flops", "matrix FLOP/s", "FLOP/s", "rate", _hardware("matmul_flops")),
    HardwareParameter(
        "hbm_bandwidth", "HBM bandwidth", "B/s", "rate", _hardware("memory_bandwidth")
    ),
    HardwareParameter("hbm_capacity", "HBM capacity", "B", "size", _hardware("memory_bytes")),
    HardwareParameter(
        "on_chip_bandwidth", "on-chip bandwidth", "B/s", "rate", _hardware("on_chip_bandwidth")
    ),
    HardwareParameter(
        "link_bandwidth", "link bandwidth", "B/s", "rate", _hardware("link_bandwidth")
    ),
    HardwareParameter("link_latency", "link latency", "s", "latency", _hardware("hop_s"), -1.0),
    HardwareParameter(
        "kernel_overhead", "kernel overhead", "1", "overhead", _overhead("kernel"), -1.0
    ),
    HardwareParameter(
        "collective_overhead", "collective overhead", "1", "overhead", _overhead("collective"), -1.0
    ),
    HardwareParameter("host_overhead", "host overhead", "1", "overhead", _overhead("host"), -1.0),
)
ON_CHIP = "on_chip_capacity"
TILE = "matrix_tile"
NAMES = (*(parameter.name for parameter in HARDWARE_PARAMETERS), ON_CHIP, TILE)
PARAMETER_BY_NAME = {parameter.name: parameter for parameter in HARDWARE_PARAMETERS}


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


def facts(point: Point, on_slice: Slice) -> list[Parameter]:
    """Every parameter with what it is before any change."""
    hardware = point.hardware
    values: dict[str, float | None] = {
        "matrix_flops": float(hardware.matmul_flops),
        "hbm_bandwidth": float(hardware.memory_bandwidth),
        "hbm_capacity": float(hardware.memory_bytes),
        "on_chip_bandwidth": float(hardware.on_chip_bandwidth),
        "link_bandwidth": float(hardware.link_bandwidth),
        "link_latency": float(hardware.hop_s),
        ON_CHIP: on_chip_bytes(on_slice) or None,
        TILE: float(hardware.tile) if float(hardware.tile) > 1 else None,
    }
    stated = set(modelled(on_slice))
    rows = [
        Parameter(
            name=parameter.name,
            words=parameter.words,
            unit=parameter.unit,
            value=values.get(parameter.name, 1.0) if parameter.name in stated else None,
            step=None,
        )
        for parameter in HARDWARE_PARAMETERS
    ]
    rows.append(
        Parameter(
            name=ON_CHIP, words="on-chip capacity", unit="B", value=values[ON_CHIP], step=None
        )
    )
    tile = Parameter(name=TILE, words="matrix unit's side", unit="1", value=values[TILE], step=2.0)
    return [*rows, tile]
