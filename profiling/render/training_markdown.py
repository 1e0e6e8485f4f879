"""A training as Markdown: what it changed on test problems, and what its loop spent."""

from ..records.training import GENERATION, LoopCost, Training
from .lens import COUNTED, MEASURED
from .markdown import inline, table_markdown
from .table import Column, Table
from .training import share_text
from .units import bytes_, count, flops, intensity, seconds, share


def training_markdown(training: Training) -> str:
    """The whole report."""
    made = training.provenance
    head = f"{training.method} {training.recipe}: {training.steps} steps, "
    parts = [
        f"# {inline(head + seconds(training.train_s))}",
        inline(f"Task: {training.task or 'those that the recipe mixes'}; start: "
               f"{training.start or 'from scratch'}; {made.device}, {made.cores} cores."),
        table_markdown(shares_table(training)),
    ]  # fmt: skip
    if training.cost is not None:
        parts += [table_markdown(cost_table(training.cost)), inline(generation_text(training.cost))]
    return "\n\n".join([*parts, f"Command: `{made.command}`"]) + "\n"


def shares_table(training: Training) -> Table:
    """Right answers on test problems, before and after, with 95 % intervals."""
    start = {each.what: each for each in training.before}
    columns = [Column("test problems", numeric=False), Column("before (95 %)"),
               Column("after (95 %)"), Column("problems")]  # fmt: skip
    rows = [
        [each.what, share_text(start.get(each.what)), share_text(each), count(each.problems)]
        for each in training.after
    ]
    return Table("Test problems", columns, rows)


def cost_table(cost: LoopCost) -> Table:
    """What each kind of work of the loop took."""
    columns = [Column("phase", numeric=False), Column("tokens", COUNTED), Column("passes", COUNTED),
               Column("FLOPs", COUNTED), Column("HBM bytes", COUNTED), Column("FLOP/B", COUNTED),
               Column("time", MEASURED)]  # fmt: skip
    rows = [
        [phase.name, count(phase.tokens), count(phase.passes), flops(phase.counted.flops),
         bytes_(phase.counted.hbm_bytes.total), intensity(phase.counted.intensity),
         seconds(phase.time_s)]
        for phase in cost.phases
    ]  # fmt: skip
    return Table("The loop, phase by phase", columns, rows)


def generation_text(cost: LoopCost) -> str:
    """The share of generation in the loop, in a sentence."""
    shares = [
        f"{share(cost.share(GENERATION, figure))} of {words}"
        for figure, words in (("flops", "FLOPs"), ("bytes", "HBM bytes"), ("time_s", "time"))
    ]
    return f"Generation: {', '.join(shares)}, in {count(cost.steps)} steps of this process."
