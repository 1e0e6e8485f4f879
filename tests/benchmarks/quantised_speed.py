"""Decode speed of SmolLM2-135M's shape on this machine with weights in few bits over float32, both
taken side by side in each round, and what XLA makes of both.

    python tests/benchmarks/quantised_speed.py [--rounds 5] [--widths int8,int4,fp8]

Prints tokens/s over those of float32, as the median over rounds with the least and the most, at
batch 1 and with 8 attempts; the share of the bytes that a pass must read; and what the compiled
think loop moves, as a multiple of what it must, where a copy of the weights made wide shows.
Weights are random: speed does not depend on them. Nothing is asserted: machines are noisy.
"""

import argparse
from dataclasses import replace
from statistics import median

import jax.numpy as jnp
from decode_speed import CONFIG, think_rate

from rooflink.model.generation.engine import Engine, Questions
from rooflink.model.generation.generate import warm_up
from rooflink.model.generation.stopping import AnswerFormat, budget_rules
from rooflink.model.sampling import Greedy
from rooflink.model.styles import Widths
from rooflink.model.transformer import random_transformer
from rooflink.profiling.backend import choose_backend
from rooflink.profiling.compiled.compile import compile_target
from rooflink.profiling.compiled.spec import CPU, ProgramSpec

GROUP = 64  # the most that divides SmolLM2's 576 rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", default="int8,int4,fp8")
    options = parser.parse_args()
    choose_backend()
    configs = {"float32": CONFIG}
    for width in options.widths.split(","):
        held = Widths(width, GROUP if width == "int4" else None)
        configs[width] = replace(CONFIG, widths=held)
    models = {name: random_transformer(one, jnp.float32, 0) for name, one in configs.items()}
    answer_format = AnswerFormat(budget_rules(think_budget=64, answer_budget=1), lambda tokens: "")
    prompt = Questions([list(range(1, 65))])
    for model in models.values():
        for attempts in (1, 8):
            warm_up(Engine(model, answer_format, lean=True), prompt, Greedy(), attempts)
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.rounds):
        for attempts in (1, 8):
            for name, model in models.items():
                rates.setdefault((name, attempts), []).append(think_rate(model, attempts))
    for name, config in configs.items():
        share = config.weight_bytes("float32") / CONFIG.weight_bytes("float32")
        spec = ProgramSpec(config, "float32", CPU, context=256, phases=("think",))
        (loop,) = compile_target(spec).phases
        print(f"{name}: weights {share:.2f} of float32's; the think loop moves {loop.ratio:.2f} "
              f"times what it must, {loop.hbm_bytes / 1e9:.1f} GB")  # fmt: skip
        for attempts in (1, 8):
            own, wide = rates[name, attempts], rates["float32", attempts]
            over = [a / b for a, b in zip(own, wide, strict=True)]
            print(f"  {attempts} attempts: {median(own):.1f} tokens/s, {median(over):.2f} times "
                  f"float32's ({min(over):.2f} to {max(over):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
