"""Design points a second of the sweep, against a plain Python loop of a peer-like formula.

    python tests/benchmarks/design_sweep.py

One design point is a chip (stacks of HBM, matrix FLOP/s, on-chip memory, link bandwidth) with so
many sequences, priced for all workloads of a mix, its cost and its limits included. The peer-like
loop does the arithmetic of analytical tools in plain Python, without the objects that make them
slower: the larger of FLOPs over peak and bytes over bandwidth for prefill, and for decode at the
mean context, for each workload; it has no overlap, links, overheads, tiles, cost or limits.
Prints the best and the median of several repeats.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from sample_settings import sample_setting

from rooflink.profiling.co_design.chip_search import UNCAPPED, grid_of, search_problem, sweep
from rooflink.profiling.co_design.workload_mix import SEQUENCES, MixedWorkload, mix_work

REPEATS = 7
PEER_POINTS = 20_000
MIX = [
    MixedWorkload(name="quick", share=0.2, prompt=256.0, think=0.0, answer=200.0),
    MixedWorkload(name="thoughts", share=0.6, prompt=512.0, think=2048.0, answer=256.0),
    MixedWorkload(
        name="attempts", share=0.2, prompt=512.0, think=8192.0, answer=256.0, attempts=64.0
    ),
]


def peer_like(points: int) -> float:
    """Seconds that a loop over so many points takes."""
    layers, embed, heads, kv_heads, head, mlp, vocab = 32, 4096, 32, 8, 128, 14336, 128256
    weights = layers * (2 * embed * head * (heads + kv_heads) + 3 * embed * mlp) + embed * vocab
    begin = time.perf_counter()
    least = float("inf")
    for i in range(points):
        peak, bandwidth, sequences = 1e14 * (1 + i % 17), 1e12 * (1 + i % 13), 1 + i % 64
        seconds = 0.0
        for each in MIX:
            prompt, decoded = each.prompt, each.think + each.answer
            context = prompt + decoded / 2
            flops = 2 * weights * prompt + 2 * layers * prompt**2 * heads * head
            prefill = max(flops * sequences / peak, weights * 2 / bandwidth)
            kv_bytes = 2 * layers * kv_heads * head * context * 2 * sequences
            flops = 2 * weights + 4 * layers * context * heads * head
            decode = max(flops * sequences / peak, (weights * 2 + kv_bytes) / bandwidth)
            seconds += each.share * (prefill + decoded * decode) * each.attempts / sequences
        least = min(least, seconds)
    return time.perf_counter() - begin


def main() -> None:
    """Print both rates and their ratio."""
    known = sample_setting()
    ground = search_problem(known, mix_work(known.point, MIX))
    caps = UNCAPPED | {"area": 600.0, "watts": 1000.0}
    designs = grid_of()
    points = len(designs.matrix_flops) * len(SEQUENCES)
    sweep(ground, designs, caps).block_until_ready()  # compiles
    ours, peers = [], []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        sweep(ground, designs, caps).block_until_ready()
        ours.append(points / (time.perf_counter() - begin))
        peers.append(PEER_POINTS / peer_like(PEER_POINTS))
    print(f"{points:,} design points in one call, {len(MIX)} workloads of 3 phases each")
    for name, rates in (("sweep", ours), ("peer-like loop", peers)):
        print(
            f"{name:>15}: best {max(rates):,.0f} points/s, median {statistics.median(rates):,.0f}"
        )
    ratios = [own / peer for own, peer in zip(ours, peers, strict=True)]
    print(f"          ratio: median {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
