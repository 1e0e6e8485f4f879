"""A training in a terminal: what it changed on test problems, and what its loop spent."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..records.training import GENERATION, LoopCost, TestShare, Training
from .console_table import Column, print_table, printable
from .units import bytes_, count, flops, seconds


def show_training(training: Training, out: Path, console: Console) -> None:
    """Print the figures before and after, the loop's cost by phase, and where the model is."""
    head = f"{training.method} {training.recipe}: {training.steps} steps, "
    console.print(Text(printable(head + seconds(training.train_s)), "bold"))
    _show_figures(training, console)
    if training.cost is not None:
        _show_cost(training.cost, console)
    console.print(f"Model: {out}", soft_wrap=True, highlight=False)


def _show_figures(training: Training, console: Console) -> None:
    start = {share.what: share for share in training.before}
    print_table(
        console,
        [
            Column("test problems", [share.what for share in training.after], left=True),
            Column("before", [share_text(start.get(share.what)) for share in training.after]),
            Column("after", [share_text(share) for share in training.after]),
        ],
    )


def share_text(share: TestShare | None) -> str:
    """62.3 % (57.4 to 66.9), of the 95 % interval."""
    if share is None:
        return ""
    of = share.right / share.problems
    return f"{of:.1%} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _show_cost(cost: LoopCost, console: Console) -> None:
    phases = cost.phases
    moved = [phase.counted.hbm_bytes.total for phase in phases]
    total_s = sum(phase.time_s for phase in phases)
    print_table(
        console,
        [
            Column("phase", [phase.name for phase in phases], left=True),
            Column("tokens", [count(phase.tokens) for phase in phases], drop=2),
            Column("passes", [count(phase.passes) for phase in phases], drop=3),
            Column("FLOPs", [flops(phase.counted.flops) for phase in phases], "counted"),
            Column("HBM bytes", [bytes_(size) for size in moved], "counted"),
            Column("time", [seconds(phase.time_s) for phase in phases], "measured"),
            Column("share", [f"{phase.time_s / total_s:.0%}" for phase in phases], "measured"),
        ],
    )
    shares = [
        f"{cost.share(GENERATION, figure):.0%} of {words}"
        for figure, words in (("flops", "FLOPs"), ("bytes", "HBM bytes"), ("time_s", "time"))
    ]
    note = f"generation: {', '.join(shares)}, in {count(cost.steps)} steps of this process"
    console.print(Text(note, "dim"))
