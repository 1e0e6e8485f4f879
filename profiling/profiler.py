"""profile(): one workload under the counted lens, and the measured one where it can run."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from ..model.generate import STEPS_PER_CALL, Attempt
from ..model.transformer import Transformer
from ..tpu_configs.chip import Chip
from ..tpu_configs.slice import Slice
from .compiled.lens import compile_target
from .compiled.predicted_time import with_times
from .compiled.spec import ProgramSpec
from .compiled.targets import Target
from .counted.phase_costs import Passes
from .counted.roofline import place
from .counted.unit_costs import UnitCosts, unit_costs
from .errors import ProfileInputError
from .findings import engineered_gaps, find
from .lengths import BatchPasses, assumed_attempts, batch_passes
from .made import Made, evenly, measured_cost
from .measured.run import Runs, run_batch, run_repeats
from .measured.trace_capture import trace_generation
from .model_spec import Subject, run_bytes
from .outcome import outcome_of
from .predicted.model_shape import model_facts
from .predicted.slices import predictions_of, require_slices
from .progress import Silent, Watcher
from .provenance import provenance
from .records import CompiledTarget, Phase, Profile, ThoughtPoint, Workload
from .records.lenses import sum_costs
from .strategy.make import make_by_strategy
from .workload import Plan, Request, plan

PHASES = ("prefill", "think", "answer")


def profile(
    subject: Subject,
    request: Request,
    chips: Sequence[Chip],
    repeats: int = 3,
    name: str = "profile",
    command: str = "python",
    watcher: Watcher | None = None,
    targets: Sequence[Target] = (),
    compiled: Sequence[CompiledTarget] = (),
    slices: Sequence[Slice] = (),
    trace: Path | None = None,
) -> Profile:
    """Run (where `subject` has weights) and count `request`, and place it on `chips`.

    Without weights every attempt is assumed to use its whole budget, and nothing is measured. With
    a strategy the phases are those that it makes; nothing of it is compiled for `targets`.
    For each of `targets` the phases are compiled as they run; `compiled` is what was compiled
    before. The workload is predicted on each of `slices`, which must hold its budgets, and on the
    smallest slice of each chip that does. After the timed runs one more generation is traced into
    the folder `trace`, where that is given.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the user can mend.
    """
    listener = watcher or Silent()
    if trace is not None and not subject.runs:
        raise ProfileInputError(
            "a trace needs a model that runs: choose --weights own or random, or leave out --trace"
        )
    planned = plan(subject, request)
    require_slices(subject, planned, slices)
    if request.strategy is not None:
        model = _loaded(subject, planned, listener)
        made = make_by_strategy(
            subject, planned, request.strategy, model, repeats, chips, slices, listener, trace
        )
    else:
        made = _make(subject, planned, repeats, chips, slices, listener, trace)
    lenses = [compile_target(spec_of(subject, planned, target), listener) for target in targets]
    draft = Profile(
        name=name,
        provenance=provenance(command, request.seed, ran=made.machine is not None),
        model=model_facts(subject.config, subject.dtype, subject.weights),
        workload=_workload(planned),
        phases=made.phases,
        thought=made.thought,
        outcome=made.outcome,
        machine=made.machine,
        trace=made.traced,
        placements=[place(chip, made.phases, made.resident_bytes, subject.dtype) for chip in chips],
        compiled=[with_times(each, subject.config, subject.dtype) for each in (*compiled, *lenses)],
        predictions=made.predicted.predictions,
        unpredicted=made.predicted.unpredicted,
        findings=[],
    )
    chosen = slices[0].name if slices else None
    said = engineered_gaps(request.problems, subject.tokenizer)
    return draft.model_copy(update={"findings": [*said, *find(draft, made.interrupted, chosen)]})


def spec_of(subject: Subject, planned: Plan, target: Target) -> ProgramSpec:
    """The programs that a plan's widest batch runs, for `target`.

    Without a thought the think program is that of one step, which is compiled and never run.
    """
    rules = planned.rules
    think_steps = max(min(STEPS_PER_CALL, rules.longest_thought - 1), 1)
    answer_steps = min(STEPS_PER_CALL, rules.answer_budget)
    return ProgramSpec(
        config=subject.config,
        dtype=subject.dtype,
        target=target,
        batch=max(len(batch.prompts) for batch in planned.batches),
        attempts=planned.request.attempts,
        context=planned.prompt_slots + max(rules.slots, think_steps + answer_steps),
        prompt=planned.prompt_slots,
        think_steps=think_steps,
        answer_steps=answer_steps,
    )


def _make(
    subject: Subject,
    planned: Plan,
    repeats: int,
    chips: Sequence[Chip],
    slices: Sequence[Slice],
    watcher: Watcher,
    trace: Path | None,
) -> Made:
    """Each attempt thinks and answers by itself; without weights, for all of its budgets."""
    runs, traced = None, None
    if subject.runs:
        model, first = _loaded(subject, planned, watcher), planned.batches[0]
        runs = run_repeats(model, planned, repeats, subject.dtype, watcher)
        if trace is not None:
            traced = trace_generation(
                lambda observer: run_batch(model, planned, first, observer), runs, trace, watcher
            )
    attempts = runs.results if runs else assumed_attempts(planned)
    batches = batch_passes(planned, attempts)
    unit = unit_costs(subject.config, subject.dtype)
    held = max(batch.cached_positions for batch in batches)
    return Made(
        phases=[_phase(phase, planned, attempts, batches, unit, runs) for phase in PHASES],
        thought=_thought(batches[0], unit, runs),
        outcome=outcome_of(planned, attempts, subject.tokenizer) if runs else None,
        machine=runs.limits if runs else None,
        resident_bytes=subject.config.weight_bytes(subject.dtype) + held * unit.kv_bytes,
        predicted=predictions_of(subject, planned, attempts, chips, slices, ran=runs is not None),
        interrupted=runs is not None and runs.interrupted,
        traced=traced,
    )


def _loaded(subject: Subject, planned: Plan, watcher: Watcher) -> Transformer:
    """The model, if it and the widest batch fit in memory."""
    widest = max(len(batch.prompts) for batch in planned.batches)
    scratch_bytes = run_bytes(
        subject.config, subject.dtype, widest, planned.request.attempts,
        planned.prompt_slots, planned.rules.slots,
    )  # fmt: skip
    watcher.stage(f"Loading {subject.config.name}")
    return subject.load(planned.request.seed, scratch_bytes)


def _phase(
    name: str,
    planned: Plan,
    attempts: list[Attempt],
    batches: list[BatchPasses],
    unit: UnitCosts,
    runs: Runs[Attempt] | None,
) -> Phase:
    passes: list[Passes] = [getattr(batch, name) for batch in batches]
    counted = sum_costs([each.total(unit) for each in passes])
    tokens = sum(int(each.tokens.sum()) for each in passes)
    read = name == "prefill"
    slots = sum(len(batch.prompts) for batch in planned.batches) * planned.prompt_slots
    return Phase(
        name=name,
        tokens=tokens,
        forced_tokens=sum(a.forced_tokens for a in attempts) if name == "think" else 0,
        sequences=len(planned.prompts) if read else len(attempts),
        steps=sum(len(each.tokens) for each in passes),
        idle_slots=0 if read else sum(each.idle_slots for each in passes),
        padded_tokens=slots - tokens if read else 0,
        counted=counted,
        measured=measured_cost(name, tokens, counted, runs) if runs else None,
    )


def _thought(batch: BatchPasses, unit: UnitCosts, runs: Runs[Attempt] | None) -> list[ThoughtPoint]:
    """Evenly spread passes of the first batch's think phase; pass i reads token i + 1."""
    costs = batch.think.costs(unit)
    times = runs.step_times_s("think") if runs else []
    points = [
        ThoughtPoint(
            tokens_thought=index + 1,
            active_attempts=int(active),
            flops=cost.flops,
            hbm_bytes=cost.hbm_bytes,
            measured_step_s=time_s,
        )
        for index, (cost, active, time_s) in enumerate(
            zip_longest(costs, batch.think.tokens, times[: len(costs)])
        )
    ]
    return evenly(points)


def _workload(planned: Plan) -> Workload:
    request, asked = planned.request, planned.request.strategy
    return Workload(
        prompts=len(planned.prompts),
        batch=max(len(batch.prompts) for batch in planned.batches),
        attempts=request.attempts,
        prompt_tokens=[len(prompt) for prompt in planned.prompts],
        think_budget=request.think_budget,
        answer_budget=request.answer_budget,
        sampling=asked.sampling if asked else request.sampler.describe(),
        think_end=planned.think_end,
        task=request.task,
        strategy=asked.text if asked else None,
        strategy_settings=asked.settings if asked else {},
    )
