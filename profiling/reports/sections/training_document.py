"""A training as a report and as TensorBoard events: what it changed on test problems, and what its
loop spent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ....model.phases import THINK_AND_ANSWER
from ...records.base import Interval
from ...records.training import LoopCost, TestShare, Training
from .. import units
from ..document import Block, Column, Document, Paragraph, Section, Table
from ..renderers.markdown import markdown
from ..renderers.tensorboard import Events, Hyperparameters, Scalar, Session, chip_given, tag
from ..terms import COUNTED, MEASURED
from .profile_facts import provenance_facts


def training_document(training: Training) -> Document:
    """The whole report."""
    short = training_summary(training)
    source = Section("Provenance", [provenance_facts(training.provenance)])
    footer = f"{training.schema_version}, {training.provenance.created}"
    return replace(short, sections=[*short.sections, source], footer=footer)


def training_summary(training: Training) -> Document:
    """What it changed, and what the loop cost."""
    cost = training.cost
    loop: list[Block] = [cost_table(cost), Paragraph(generation_text(cost))] if cost else []
    return Document(
        title=f"{training.method} {training.recipe}",
        subtitle=f"task: {training.task or 'those that the recipe mixes'}; start: "
        f"{training.start or 'from scratch'}",
        headline=f"{units.plural(training.steps, 'step')} in {units.seconds(training.train_s)}.",
        sections=[
            Section("Test problems", [shares_table(training)], "test"),
            Section("The loop, phase by phase", loop, "loop"),
        ],
    )


def shares_table(training: Training) -> Table:
    """Right answers on test problems, before and after."""
    start = {share.what: share for share in training.before}
    after = training.after
    return Table(
        "Right on test problems",
        [
            Column("test problems", [share.what for share in after], name="what"),
            _right("before", [start.get(share.what) for share in after]),
            _right("after", after),
            Column("problems", [share.problems for share in after], units.count, priority=1),
        ],
        name="shares",
    )  # fmt: skip


def _right(title: str, shares: Sequence[TestShare | None]) -> Column:
    known = [Interval(median=s.right / s.problems, low=s.low, high=s.high) if s else None
             for s in shares]  # fmt: skip
    return Column(title, known, units.percent, "95 % interval", show="both")


def cost_table(cost: LoopCost) -> Table:
    """What each kind of work of the loop took."""
    phases = cost.phases
    total_s = sum(phase.time_s for phase in phases)
    return Table(
        "Cost of the loop",
        [
            Column("phase", [phase.name for phase in phases]),
            Column("tokens", [phase.tokens for phase in phases], units.count, COUNTED, priority=2),
            Column("passes", [phase.passes for phase in phases], units.count, COUNTED, priority=3),
            Column("FLOPs", [p.counted.flops for p in phases], units.flops, COUNTED, name="flops"),
            Column("HBM bytes", [p.counted.hbm_bytes.total for p in phases], units.bytes_, COUNTED,
                   name="hbm_bytes"),
            Column("FLOP/B", [p.counted.intensity for p in phases], units.intensity_number,
                   COUNTED, name="flops_per_byte", priority=4),
            Column("time", [phase.time_s for phase in phases], units.seconds, MEASURED, "time_s"),
            Column("share", [p.time_s / total_s if total_s else 0.0 for p in phases], units.share,
                   MEASURED, priority=1),
        ],
        name="loop",
    )  # fmt: skip


def generation_text(cost: LoopCost) -> str:
    """The share of generation in the loop, in a sentence."""
    shares = [
        f"{units.share(cost.share(THINK_AND_ANSWER, figure))} of {words}"
        for figure, words in (("flops", "FLOPs"), ("bytes", "HBM bytes"), ("time_s", "time"))
    ]
    steps = units.plural(cost.steps, "step")
    return f"Generation is {', '.join(shares)}, in the {steps} of this process."


def training_events(training: Training, document: Document) -> Events:
    """All that its event file holds; `document` is its report."""
    return Events(
        scalars=scalars(training),
        texts={"report": markdown(document)},
        sessions=[session(training)],
        sessions_folder="session",
    )


def scalars(training: Training) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar."""
    for point in training.curve:
        for name, value in point.items():
            if name != "step":
                yield f"training/{name}", value, int(point["step"])
    for step, shares in ((0, training.before), (training.steps, training.after)):
        for share in shares:
            yield f"test/{tag(share.what)}", share.right / share.problems, step
    for phase in training.cost.phases if training.cost else []:
        name = tag(phase.name)
        yield f"counted/{name}/tokens", phase.tokens, 0
        yield f"counted/{name}/flops", phase.counted.flops, 0
        yield f"counted/{name}/hbm_bytes", phase.counted.hbm_bytes.total, 0
        yield f"counted/{name}/intensity", phase.counted.intensity, 0
        yield f"measured/{name}/time_s", phase.time_s, 0


def session(training: Training) -> Session:
    """The run as a row: what was trained how and where, its time, and its first test figure."""
    given: Hyperparameters = {
        "made_by": "training",
        "model": training.start or "from scratch",
        "task": training.task or "several",
        "strategy": training.method,
        **chip_given(training.provenance.device, 1, "measured"),
    }
    metrics = {"cost/time_s": training.train_s}
    if training.after:
        metrics["outcome/accuracy"] = training.after[0].right / training.after[0].problems
    return Session("this_machine", given, metrics)
