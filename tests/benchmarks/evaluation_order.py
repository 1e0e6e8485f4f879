"""Whether an evaluation's measured times depend on the order of its strategies.

    python tests/benchmarks/evaluation_order.py [--rounds 2] [--limit 300]

Evaluates README's strategies on so many sums forwards and backwards, each time in a process of its
own, and prints for each strategy the measured time of a question in either order (the least of the
rounds' medians), their ratio, and that ratio over the mean of all: what is left once it is taken
out that other work slowed one whole run. Nothing is asserted: machines differ and are noisy.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

STRATEGIES = ("direct", "greedy")
BUDGETS = "4,8,16"


def times_s(strategies: tuple[str, ...], limit: int, folder: Path) -> dict[str, float]:
    """Seconds per question of each strategy and budget, in the order of the evaluation."""
    subprocess.run(
        [sys.executable, "-m", "rooflink", "eval", "--task", "sum:n=8", "--strategies",
         ",".join(strategies), "--think-budget", BUDGETS, "--limit", str(limit),
         "--out", str(folder)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    cells = json.loads((folder / "evaluation.json").read_text())["cells"]
    return {
        f"{cell['strategy']} @{cell['budget'] or '-'}": cell["time_per_question_s"]["median"]
        for cell in cells
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int, default=300)
    options = parser.parse_args()
    least: dict[bool, dict[str, float]] = {False: {}, True: {}}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(2 * options.rounds):
            backwards, folder = bool(turn % 2), Path(name) / str(turn)
            order = STRATEGIES[::-1] if backwards else STRATEGIES
            for label, time_s in times_s(order, options.limit, folder).items():
                best = least[backwards]
                best[label] = min(time_s, best.get(label, math.inf))
    ratios = {label: least[True][label] / time_s for label, time_s in least[False].items()}
    mean = math.prod(ratios.values()) ** (1 / len(ratios))
    print(f"{'':<14}{'forwards':>12}{'backwards':>12}{'ratio':>8}{'/ mean':>8}")
    for label, ratio in ratios.items():
        first, second = least[False][label], least[True][label]
        print(f"{label:<14}{1e3 * first:9.3f} ms{1e3 * second:9.3f} ms{ratio:8.2f}"
              f"{ratio / mean:8.2f}")  # fmt: skip


main()
