"""Predictions a second in one vectorised call, beside the same points one at a time.

    python tests/benchmarks/prediction_rate.py [--points 200000]

A prediction is a whole query: prefill, think and answer of one (chip, model, batch, lengths)
point on calibrated terms. Peers in one process: LLM-Viewer 6,600 to 11,100 a second, llm-analysis
1,100 to 2,000, GenZ 3 to 7, aiconfigurator 1.5 (measured once, on this kind of machine).
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

from rooflink.model.architecture import ModelShape, shape_of
from rooflink.model.config import PRESETS
from rooflink.profiling.predicted.arrays import as_pytrees
from rooflink.profiling.predicted.phase_lengths import Lengths, phase_steps
from rooflink.profiling.predicted.predict import phase_terms
from rooflink.profiling.predicted.step.hardware import Efficiency, Hardware, hardware_of
from rooflink.profiling.predicted.step.step_work import Spread
from rooflink.profiling.predicted.step.work import Widths
from rooflink.tpu_configs.catalog import load_all

as_pytrees()
FASTEST_PEER = 11_100.0
BLOCK = 1024
"""Points; 256 to 4,096 are alike, and all at once a quarter as fast on two cores."""
BF16 = Widths(2.0, 2.0, 2.0)
REACHED = Efficiency(
    compute=0.7, attention=0.5, memory=0.8, vector=0.5, idle_experts=0.1, kv=0.9, links=0.7,
    overlap=4.0, exposed_links=0.5, narrow=0.3, routed_s=1e-7, kernel_s=2e-6, collective_s=5e-6,
    dispatch_s=5e-6, sequence_s=3e-6, step_s=1e-4,
)  # fmt: skip


@jax.jit
def seconds(shape: ModelShape, lengths: Lengths, hardware: Hardware) -> dict[str, jax.Array]:
    """Seconds of each phase at every point."""
    steps = phase_steps(shape, lengths, BF16, Spread(), hardware.tile)
    return {n: phase_terms(each, hardware, REACHED, 0.0).time_s for n, each in steps.items()}


@jax.jit
def in_blocks(*inputs: Any) -> dict[str, jax.Array]:
    """As `seconds`, in blocks that stay in a core's cache."""
    return jax.lax.map(lambda point: seconds(*point), inputs, batch_size=BLOCK)


def points(count: int) -> tuple[ModelShape, Lengths, Hardware]:
    """Chips, models and lengths drawn at random, one of each a point."""
    rng = np.random.default_rng(0)

    def drawn(choices):  # type: ignore[no-untyped-def]
        picked = rng.integers(len(choices), size=count)
        return jax.tree.map(lambda *x: np.array(x, np.float32)[picked], *choices)

    shapes = drawn([shape_of(config) for config in PRESETS.values()])
    floating = (chip for chip in load_all() if chip.peak.bfloat16 is not None)
    chips = drawn([hardware_of(chip, "bfloat16") for chip in floating])
    ranges = ((1, 64), (1, 32), (100, 8000), (10, 8000), (1, 500), (0, 100))
    lengths = Lengths(*(rng.integers(*ends, count).astype(np.float32) for ends in ranges))
    return shapes, lengths, chips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    count = parser.parse_args().points
    inputs = points(count)
    together = jax.block_until_ready(in_blocks(*inputs))
    rates, cpu_rates = [], []
    for _ in range(5):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        jax.block_until_ready(in_blocks(*inputs))
        rates.append(count / (time.perf_counter() - begun))
        cpu_rates.append(count / (time.process_time() - cpu_begun))
    rate = float(np.median(rates))

    worst, begun, alone = 0.0, time.perf_counter(), min(200, count)
    for i in range(alone):
        one = seconds(*jax.tree.map(lambda x, i=i: x[i], inputs))
        for name, value in one.items():
            worst = max(worst, abs(float(value) / float(together[name][i]) - 1))
    each = alone / (time.perf_counter() - begun)
    print(
        f"one call      {rate:12,.0f} predictions/s   {rate / FASTEST_PEER:6.1f} x the fastest peer"
    )
    print(f"              {float(np.median(cpu_rates)):12,.0f} predictions/s of CPU time")
    print(f"one by one    {each:12,.0f} predictions/s   {rate / each:6.0f} x slower")
    print(f"largest difference between the two {worst:.1e}")


if __name__ == "__main__":
    main()
