"""What one device could do at its datasheet's peaks, and the time that this predicts."""

from dataclasses import dataclass

from ....tpu_configs.chip import Chip

PICOSECONDS = 10**12
SHORTEST_PS = 1
"""An event has a length: XProf drops those without."""


@dataclass(frozen=True)
class Roof:
    """Peaks of one device as JAX counts devices: a chip, or one core of it."""

    flop_per_s: float
    bytes_per_s: float  # of HBM

    def time_ps(self, flops: int, hbm_bytes: int) -> int:
        """The longer of FLOPs at peak and HBM bytes at full bandwidth: a bound, not a measurement.

        On-chip traffic, latency and what overlaps between instructions are left out.
        """
        seconds = max(flops / self.flop_per_s, hbm_bytes / self.bytes_per_s)
        return max(SHORTEST_PS, round(seconds * PICOSECONDS))


def roof_of(chip: Chip, dtype: str) -> Roof:
    """The roof of one of the chip's JAX devices for matmuls of `dtype`.

    Raises ChipInputError for a dtype that is not known.
    """
    devices = chip.jax_devices
    return Roof(chip.peak_flops(dtype).flop_per_s / devices, chip.hbm_bandwidth / devices)
