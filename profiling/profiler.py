"""profile(): one workload under the counted lens, and the others where it can run or compile.

The workload's passes come from a run, or, without weights, from its budgets; every lens but the
compiled one reads them from the same logs.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np

from ..model.config import ModelInputError
from ..model.generation.attempt import Answered
from ..model.generation.decode_loop import PASSES_PER_CALL
from ..model.generation.engine import Engine, up_to_step
from ..model.generation.pass_log import REASONER, PassLog, PassRecord
from ..model.phases import PREFILL, THINK, phase_named
from ..model.transformer import Transformer
from ..tpu_configs.chip import Chip
from ..tpu_configs.input_errors import InputError
from ..tpu_configs.slice import Slice
from .backend import provenance, scope_names_kept
from .compiled.compile import compile_target
from .compiled.spec import ProgramSpec, Target, parse_target
from .counted.phase_costs import cached_positions, is_prefill, logs_of, passes_of, phases_of, place
from .counted.unit_costs import Costed, UnitCosts, costed
from .errors import ProfileInputError, Silent, Watcher, acknowledge, held, interruptible
from .findings import engineered_gaps, find, note
from .measured.run import Runs, answer_batch, run_repeats
from .model_spec import Subject, run_bytes
from .outcome import acceptance_of, outcome_of
from .predicted.model_shape import model_facts
from .profile_predictions import Meshes, Predictions, predictions_of, require_slices
from .records import (
    CompiledTarget,
    Profile,
    Provenance,
    ThoughtPoint,
    Trace,
    Workload,
)
from .workload import Plan, Request, answer_format_of, assumed_log, plan

THOUGHT_POINTS = 64

Lens = TypeVar("Lens")


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
    meshes: Meshes = None,
    trace: Path | None = None,
    keep: Callable[[Profile], object] = lambda measured: None,
) -> Profile:
    """Run (where `subject` has weights) and count `request`, and place it on `chips`.

    Without weights every attempt is assumed to use its whole budget, and nothing is measured. For
    each of `targets` the phases are compiled as they run; `compiled` is what was compiled before.
    The workload is predicted on each of `slices`, which must hold its budgets, and on the smallest
    slice of each chip that does. One more generation is traced into the folder `trace`, if given.

    What is measured is never lost: `keep` has it before the other lenses, and a lens that fails or
    is interrupted then is missing from the profile, which says so.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the user can mend.
    """
    listener = watcher or Silent()
    _require_run_for(trace, subject)
    planned = plan(subject, request)
    require_slices(subject, planned, slices, meshes)
    with held():
        with interruptible():
            model = _loaded(subject, planned, listener) if subject.runs else None
        generated = _generate(subject, planned, model, repeats, listener, trace)
        runs, drafts = generated.runs, planned.draft_configs(subject.config)
        costs = costed(subject.config, subject.dtype, planned.verifier, drafts)
        source = provenance(command, request.seed, ran=runs is not None)
        draft = _without_later_lenses(name, source, subject, planned, generated, costs, chips)
        if runs is not None:
            keep(draft)
        later = Later(measured=runs is not None, ended=runs is not None and runs.interrupted)
        predicted = later.lens("No predictions", lambda: predictions_of(
            subject, planned, generated.answered, generated.logs, costs.shapes, chips, slices,
            meshes, draft.model.is_toy,
        ))  # fmt: skip
        own = partial(_compiled, subject, planned, generated.logs, costs, listener)
        there = [*compiled, *_compiled_for(targets, own, later)]
        whole = draft.model_copy(update={
            **vars(predicted or Predictions([], [], None, [])),
            "compiled": _timed(there, subject),
            "asked_slices": [slice_.name for slice_ in slices],
        })  # fmt: skip
        notes = [
            *engineered_gaps(request.problems, subject.tokenizer),
            *([note(subject.storage_note, "the weights' files")] if subject.storage_note else []),
            *(note(text, "the run itself") for text in later.missing + _unkept(there)),
        ]
        found = find(whole, runs is not None and runs.interrupted)
        whole = whole.model_copy(update={"findings": [*notes, *found]})
        if runs is not None:
            keep(whole)
        return whole


def _unkept(compiled: Sequence[CompiledTarget]) -> list[str]:
    return [f"For {target.target}, {text}." for target in compiled for text in target.notes]


def _require_run_for(trace: Path | None, subject: Subject) -> None:
    if trace is not None and not subject.runs:
        raise ProfileInputError(
            "a trace needs a model that runs: choose --weights own or random, or leave out --trace"
        )


def _without_later_lenses(
    name: str,
    source: Provenance,
    subject: Subject,
    planned: Plan,
    generated: "Generated",
    costs: Costed,
    chips: Sequence[Chip],
) -> Profile:
    """What a run, or its budgets, tell at once: counted, measured and at datasheet peak."""
    runs = generated.runs
    phases = phases_of(generated.logs, costs.units)
    if runs is not None:
        phases = runs.timed(phases)
    resident_bytes = _resident_bytes(subject, planned, generated.logs, costs)
    return Profile(
        name=name,
        provenance=source,
        model=model_facts(subject.config, subject.dtype, subject.weights),
        workload=_workload(planned),
        phases=phases,
        thought=_thought(generated.logs[0], costs.units[REASONER], runs),
        acceptance=acceptance_of(planned.strategy, generated.logs),
        outcome=outcome_of(planned, generated.answered, subject.tokenizer) if runs else None,
        machine=runs.limits if runs else None,
        trace=generated.traced,
        placements=[place(chip, phases, resident_bytes, subject.dtype) for chip in chips],
        findings=[],
    )


@dataclass
class Later:
    """Lenses after the measurement, which is not lost by what becomes of them."""

    measured: bool
    ended: bool  # by Ctrl-C or SIGTERM: no further lens begins
    missing: list[str] = field(default_factory=list)  # a sentence for each lens that is not there

    def lens(self, what: str, make: Callable[[], Lens]) -> Lens | None:
        """What `make` gives. Where it fails or is interrupted: None with `what` noted if there is
        a measurement to keep, its error otherwise."""
        why = "the run was interrupted"
        try:
            if not self.ended:
                with interruptible():
                    return make()
        except KeyboardInterrupt as error:
            if not self.measured:
                raise
            acknowledge(error)
            self.ended = True
        except (InputError, ModelInputError) as error:
            if not self.measured:
                raise
            why = str(error)
        self.missing.append(f"{what}: {why}.")
        return None


def _compiled_for(
    targets: Sequence[Target], own: Callable[[Target], CompiledTarget], later: Later
) -> list[CompiledTarget]:
    """What compiles of `targets`."""
    lenses = (later.lens(f"Nothing compiled for {one.name}", partial(own, one)) for one in targets)
    return [lens for lens in lenses if lens is not None]


def _timed(targets: Sequence[CompiledTarget], subject: Subject) -> list[CompiledTarget]:
    """With predicted times, which are of chips alone."""
    if all(parse_target(one.target).chip is None for one in targets):
        return list(targets)
    from .compiled.predicted_time import with_times

    return [with_times(one, subject.config, subject.dtype) for one in targets]


def _compiled(
    subject: Subject,
    planned: Plan,
    logs: Sequence[PassLog],
    costs: Costed,
    watcher: Watcher,
    target: Target,
) -> CompiledTarget:
    """Every phase of `logs`, compiled for `target`; those that only another model has, a verifier's
    own trunk or a draft, with its sizes."""
    records = [record for log in logs for record in log.records]
    other = next((record.model for record in records if _read_itself(record)), REASONER)
    own = [record for record in records if record.model != other or other == REASONER]
    compiled = compile_target(spec_of(subject, planned, own, target), watcher)
    if other == REASONER:
        return compiled
    there = {record.phase for record in own}
    spec = replace(
        spec_of(subject, planned, records, target),
        config=costs.configs[other],
        phases=tuple(dict.fromkeys(r.phase for r in records if r.phase not in there)),
        layouts="default",
    )
    more = compile_target(spec, watcher)
    return compiled.model_copy(update={"phases": [*compiled.phases, *more.phases]})


def spec_of(
    subject: Subject, planned: Plan, records: Sequence[PassRecord], target: Target
) -> ProgramSpec:
    """The programs that a plan's widest batch runs, for `target`: of every phase of `records`.

    Without a thought the think program is that of one step, which is compiled and never run.
    """
    rules = planned.rules
    think_steps = max(min(PASSES_PER_CALL, rules.longest_thought - 1), 1)
    answer_steps = min(PASSES_PER_CALL, rules.answer_budget)
    longest: dict[str, int] = {}
    for record in records:
        longest[record.phase] = max(longest.get(record.phase, 0), record.slots)
    own = rules.slots if planned.plain else up_to_step(rules.longest)
    return ProgramSpec(
        config=subject.config,
        dtype=subject.dtype,
        target=target,
        batch=max(len(batch.prompts) for batch in planned.batches),
        attempts=planned.strategy.rows,
        context=longest[PREFILL] + max(own, think_steps + answer_steps),
        prompt=longest[PREFILL],
        think_steps=think_steps,
        answer_steps=answer_steps,
        phases=tuple(longest),
        positions={
            phase: slots for phase, slots in longest.items() if phase_named(phase).reads_given
        },
        rounded=not planned.plain,
    )


def _read_itself(record: PassRecord) -> bool:
    """Whether another model read prompts: a verifier on a trunk of its own, or a draft."""
    return is_prefill(record) and record.model != REASONER


@dataclass(frozen=True)
class Generated:
    """The passes of each batch, and what came of them where they ran."""

    logs: list[PassLog]
    runs: Runs | None = None
    traced: Trace | None = None

    @property
    def answered(self) -> list[Answered]:
        """An answer to each prompt; none where nothing ran."""
        return self.runs.answered if self.runs else []


def _generate(
    subject: Subject,
    planned: Plan,
    model: Transformer | None,
    repeats: int,
    watcher: Watcher,
    trace: Path | None,
) -> Generated:
    """Run the plan, and its first batch once more, traced, into the folder `trace` where that is
    given; without weights its passes are those of attempts that use their whole budgets."""
    if model is None:
        return Generated([assumed_log(planned, batch) for batch in planned.batches])
    request = planned.request
    engine = Engine(
        model,
        answer_format_of(subject.tokenizer, planned.rules),
        request.seed,
        planned.prompt_slots,
        lean=planned.plain,
        drafts=planned.drafts,
    )
    verifiers = None if request.strategy is None else request.strategy.verifiers_on(model)
    with nullcontext() if trace is None else scope_names_kept():
        if trace is not None:
            jax.clear_caches()  # of programs from elsewhere in this process
        runs = run_repeats(
            engine, lambda: request.new_strategy(verifiers), planned.batches, repeats,
            subject.dtype, watcher,
        )  # fmt: skip
    traced = None
    if trace is not None:
        from .measured.trace_capture import trace_generation  # brings the readers of traces

        again, first = request.new_strategy(verifiers), planned.batches[0]
        traced = trace_generation(
            lambda observer: answer_batch(engine, again, first, observer), runs, trace, watcher
        )
    return Generated(logs_of(runs.answered), runs, traced)


def _loaded(subject: Subject, planned: Plan, watcher: Watcher) -> Transformer:
    """The model, if it and the widest batch fit in memory."""
    widest = max(len(batch.prompts) for batch in planned.batches)
    scratch_bytes = run_bytes(
        subject.config, subject.dtype, widest, planned.strategy.rows, planned.prompt_slots,
        planned.rules.slots,
    )  # fmt: skip
    watcher.stage(f"Loading {subject.config.name}")
    return subject.load(planned.request.seed, scratch_bytes)


def _thought(log: PassLog, unit: UnitCosts, runs: Runs | None) -> list[ThoughtPoint]:
    """Evenly spread passes of a batch's think phase, the first of each length of thought: a
    strategy may begin to think more than once."""
    points: dict[int, ThoughtPoint] = {}
    passes = [
        (record, n, cost)
        for record in log.of_phase(THINK)
        for n, cost in zip(np.flatnonzero(record.tokens.any(axis=(1, 2))),
                           passes_of(record, unit.window).costs(unit), strict=True)
    ]  # fmt: skip
    times = runs.step_times_s(THINK) if runs else [None] * len(passes)
    for (record, n, cost), time_s in zip(passes, times, strict=True):
        at_work = record.tokens[n] > 0
        length = int((record.own[n] + record.tokens[n])[at_work].max())
        point = ThoughtPoint(
            tokens_thought=length,
            active_attempts=int(at_work.sum()),
            flops=cost.flops,
            hbm_bytes=cost.hbm_bytes,
            measured_step_s=time_s,
        )
        points.setdefault(length, point)
    return _evenly([points[length] for length in sorted(points)])


def _evenly(points: list[ThoughtPoint]) -> list[ThoughtPoint]:
    """At most `THOUGHT_POINTS` of them, evenly spread, the first and the last included."""
    chosen = np.unique(np.linspace(0, max(len(points) - 1, 0), THOUGHT_POINTS).astype(int))
    return [points[index] for index in chosen if index < len(points)]


def _resident_bytes(subject: Subject, planned: Plan, logs: Sequence[PassLog], costs: Costed) -> int:
    """Weights, and the largest KV cache of any batch; a verifier's own trunk and a draft have one
    beside it. The layers of an early exit are the model's own."""
    weights, verifier = subject.config.weight_bytes(subject.dtype), planned.verifier
    own_trunk = any(_read_itself(record) for log in logs for record in log.records)
    weights += sum(draft.config.weight_bytes(subject.dtype) for draft in planned.drafts.values())
    if verifier is not None:
        weights += verifier.weight_bytes(own_trunk)
    holders = list(costs.units) if own_trunk else [REASONER]
    return weights + max(
        sum(cached_positions(log, name) * costs.units[name].kv_bytes for name in holders)
        for log in logs
    )


def _workload(planned: Plan) -> Workload:
    request, named = planned.request, planned.request.strategy
    return Workload(
        prompts=len(planned.prompts),
        batch=max(len(batch.prompts) for batch in planned.batches),
        attempts=planned.strategy.rows,
        prompt_tokens=[len(prompt) for prompt in planned.prompts],
        think_budget=request.think_budget,
        answer_budget=request.answer_budget,
        sampling=planned.strategy.sampler.describe(),
        think_end=planned.think_end,
        task=request.task,
        strategy=named.text if named else None,
        strategy_settings=named.settings if named else {},
    )
