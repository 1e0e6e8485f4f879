"""Decode speed of SmolLM2-135M's shape in float32, as ratios taken side by side in one run.

    python tests/benchmarks/decode_speed.py [--rounds 5] [--peer PYTHON]

Prints, as the median over rounds: the share of the read bandwidth measured in the same round that
decoding at batch 1 achieves; tokens/s of 8 attempts over those of one; tokens/s over those of
transformers (torch, same shape, the better of 1 and 2 threads) where the interpreter PEER has it
(`pip install '.[peer]'`); and what profiling adds to a run. Weights are random: speed does not
depend on them. Nothing is asserted: machines differ and are noisy.
"""

import argparse
import subprocess
import sys
import time
from statistics import median

import jax.numpy as jnp

from rooflink.model import preset
from rooflink.model.generation.engine import Engine, Observer, Questions
from rooflink.model.generation.generate import generate, warm_up
from rooflink.model.generation.stopping import AnswerFormat, budget_rules
from rooflink.model.sampling import Greedy
from rooflink.model.transformer import Transformer, random_transformer
from rooflink.profiling.backend import choose_backend
from rooflink.profiling.measured.machine import read_bandwidth
from rooflink.profiling.measured.run import PhaseClock

CONFIG = preset("smollm2-135m")
PROMPT = Questions([list(range(1, 65))])
RULES = budget_rules(think_budget=64, answer_budget=1)
PASSES = RULES.longest_thought - 1

PEER = """
import sys, time, torch
from transformers import LlamaConfig, LlamaForCausalLM
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
    num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
    max_position_embeddings=8192)).eval()
def seconds(batch, tokens):
    ids = torch.ones((batch, 64), dtype=torch.long)
    start = time.perf_counter()
    with torch.inference_mode():
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens,
                       min_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return time.perf_counter() - start
for batch in (1, 8):
    best = 0.0
    for threads in (1, 2):
        torch.set_num_threads(threads)
        seconds(batch, 2)
        best = max(best, 32 * batch / (seconds(batch, 33) - seconds(batch, 1)))
    print(best)
"""


def engine(model: Transformer, observer: Observer | None = None) -> Engine:
    answer_format = AnswerFormat(RULES, decode=lambda tokens: "")
    return Engine(model, answer_format, observer=observer, lean=True)


def think_rate(model: Transformer, attempts: int) -> float:
    """Tokens thought per second."""
    clock = PhaseClock()
    generate(engine(model, clock), PROMPT, Greedy(), attempts)
    return PASSES * attempts / clock.time_s["think"]


def run_time_s(model: Transformer, observer: Observer | None) -> float:
    start = time.perf_counter()
    generate(engine(model, observer), PROMPT, Greedy(), 1)
    return time.perf_counter() - start


def peer_rates(python: str) -> tuple[float, float] | None:
    """Tokens per second of transformers at batch 1 and 8; None where PEER lacks it."""
    done = subprocess.run([python, "-c", PEER], capture_output=True, text=True)
    if done.returncode:
        return None
    one, eight = map(float, done.stdout.split())
    return one, eight


def show(name: str, values: list[float]) -> None:
    low, high = min(values), max(values)
    print(f"{name:<58} {median(values):8.2f} ({low:.2f} to {high:.2f})")


def main() -> None:
    choose_backend()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", default=sys.executable, help="an interpreter with transformers")
    options = parser.parse_args()
    model = random_transformer(CONFIG, jnp.float32, 0)
    for attempts in (1, 8):
        warm_up(engine(model), PROMPT, Greedy(), attempts)
    rounds = [one_round(model, options.peer) for _ in range(options.rounds)]
    for name in rounds[0]:
        show(name, [figures[name] for figures in rounds])


def one_round(model: Transformer, peer_python: str) -> dict[str, float]:
    """All figures, taken one after the other."""
    bandwidth = read_bandwidth()
    one, eight = think_rate(model, 1), think_rate(model, 8)
    figures = {
        "read bandwidth, GB/s": bandwidth / 1e9,
        "batch 1, tok/s": one,
        "8 attempts, tok/s": eight,
        "batch 1: weights read / measured bandwidth": one
        * CONFIG.weight_bytes("float32")
        / bandwidth,
        "8 attempts / 1 attempt, tok/s": eight / one,
        "profiled / unprofiled run time": run_time_s(model, PhaseClock()) / run_time_s(model, None),
    }
    peer = peer_rates(peer_python)
    if peer is not None:
        figures |= {
            "transformers batch 1, tok/s": peer[0],
            "transformers batch 8, tok/s": peer[1],
            "batch 1 / transformers batch 1": one / peer[0],
            "8 attempts / transformers batch 8": eight / peer[1],
        }
    return figures


if __name__ == "__main__":
    main()
