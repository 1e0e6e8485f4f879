"""Seconds of compiled phases on their own target: the calibrated time model over compiled bytes.

Where `rooflink predict` takes the bytes that the algorithm must move, this takes those that the
executable does move; FLOPs are the jaxpr's, links' time is that of the compiler's collectives.
"""

import math
from dataclasses import replace

import numpy as np

from ...model.config import DType, ModelConfig
from ...model.phases import phase_named
from ...tpu_configs.catalog import load_chip
from ...tpu_configs.chip import Chip
from ..predicted.calibration import Calibration, default_calibration
from ..predicted.draws import interval
from ..predicted.step.collectives import Parallelism
from ..predicted.step.hardware import Hardware, hardware_of
from ..predicted.step.step_work import KERNELS_PER_LAYER, KERNELS_PER_STEP
from ..predicted.step.time_model import step_terms
from ..predicted.step.work import NOTHING, Work
from ..records import CompiledPhase, CompiledTarget
from .spec import ProgramSpec, parse_target


def with_times(
    target: CompiledTarget,
    config: ModelConfig,
    dtype: DType,
    calibration: Calibration | None = None,
) -> CompiledTarget:
    """The target with a predicted time for each phase; as it is for a CPU.

    The stack is taken to be a compiled loop, which these programs are. Launches are counted as
    the calibration counts them, by layers, not by instructions.
    """
    name = parse_target(target.target).chip
    if name is None:
        return target
    chip = load_chip(name)
    calibrated = calibration or default_calibration()
    timed = [_timed(phase, target, chip, config, dtype, calibrated) for phase in target.phases]
    return target.model_copy(update={"phases": timed})


def mesh_of_chips(spec: ProgramSpec) -> Parallelism:
    """The mesh of the spec's devices as one of chips, whose devices share what they hold."""
    tensor, data = spec.split.model, spec.split.data
    shared = math.gcd(tensor, spec.target.devices_per_chip)
    return Parallelism(tensor=tensor // shared, data=data * shared // spec.target.devices_per_chip)


def _timed(
    phase: CompiledPhase,
    target: CompiledTarget,
    chip: Chip,
    config: ModelConfig,
    dtype: DType,
    calibration: Calibration,
) -> CompiledPhase:
    device = _one_device(hardware_of(chip, dtype), chip.jax_devices)
    efficiency = calibration.efficiency(chip.name, chip.kind, None)
    work = _work(phase, device, config, target.batch * target.attempts)
    seconds = np.atleast_1d(step_terms(work, device, efficiency).time_s)
    group = "prefill" if phase_named(phase.phase).reads_given else "decode"
    predicted = interval(seconds * calibration.residuals(group, chip.name, None))
    return phase.model_copy(update={"predicted_time_s": predicted})


def _one_device(chip: Hardware, devices: int) -> Hardware:
    shared = ("matmul_flops", "memory_bandwidth", "memory_bytes", "on_chip_bandwidth")
    return replace(chip, **{name: getattr(chip, name) / devices for name in shared})


def _work(phase: CompiledPhase, device: Hardware, config: ModelConfig, sequences: int) -> Work:
    """One call's work of one device. XLA overlaps no kind of bytes better than another."""
    at_link_speed_s = sum(one.time_at_link_speed_s or 0.0 for one in phase.collectives)
    count = sum(one.count for one in phase.collectives)
    hops = sum(one.count * math.ceil(one.group_size / 2) for one in phase.collectives)
    return replace(
        NOTHING,
        matmul_flops=float(phase.counted_flops),
        padded_flops=float(phase.counted_flops),
        weight_bytes=float(phase.hbm_bytes),
        link_bytes=at_link_speed_s * device.link_bandwidth,
        hops=float(hops),
        collectives=float(count),
        kernels=phase.passes * float(config.layers * KERNELS_PER_LAYER + KERNELS_PER_STEP),
        sequences=float(phase.passes * sequences),
        steps=float(phase.passes),
    )
