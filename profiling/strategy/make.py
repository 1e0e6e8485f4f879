"""A strategy run and told as the parts of a profile, from what its passes noted.

Axis letters as in `model.config`; N passes of one record.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...model.generation.attempt import Answered
from ...model.generation.engine import Engine
from ...model.generation.pass_log import PassLog, PassRecord
from ...model.transformer import Transformer
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..counted.phase_costs import logs_of, passes_of, phases_of
from ..counted.unit_costs import UnitCosts
from ..evaluation.asking import wording_of
from ..made import Made, evenly, measured_cost
from ..measured.run import Runs
from ..measured.strategy import answer_batch, run_strategy
from ..measured.trace_capture import trace_generation
from ..model_spec import Subject
from ..progress import Watcher
from ..records import Phase, ThoughtPoint
from ..verifier_costs import REASONER, Costed, costed, verifiers_on
from ..workload import Plan
from .asked import AskedStrategy
from .outcome import strategy_outcome
from .predicted import strategy_predictions


def make_by_strategy(
    subject: Subject,
    planned: Plan,
    asked: AskedStrategy,
    model: Transformer,
    repeats: int,
    chips: Sequence[Chip],
    slices: Sequence[Slice],
    watcher: Watcher,
    trace: Path | None,
) -> Made:
    """Answer the prompts of `planned` on `model` with the strategy that is `asked`; the first
    batch once more, traced, into the folder `trace` where that is given.

    Raises ModelInputError where the strategy cannot be run by this model.
    """
    tokenizer = subject.tokenizer
    assert tokenizer is not None  # `strategy_for` has asked for one
    costs = costed(subject, asked.verifier)
    engine = Engine(
        model, wording_of(tokenizer, planned.rules), planned.request.seed, planned.prompt_slots
    )
    verifiers = verifiers_on(asked.verifier, model)
    runs = run_strategy(
        engine, lambda: asked.parsed(verifiers), planned.batches, repeats, subject.dtype, watcher
    )
    answered = runs.results
    traced = None
    if trace is not None:
        again, first = asked.parsed(verifiers), planned.batches[0]
        traced = trace_generation(
            lambda observer: answer_batch(engine, again, first, observer), runs, trace, watcher
        )
    logs = logs_of(answered)
    own_trunk = asked.verifier is not None and not asked.verifier.reads(model)
    weights = subject.config.weight_bytes(subject.dtype)
    if asked.verifier is not None:
        weights += asked.verifier.weight_bytes(own_trunk)
    return Made(
        phases=[_measured(phase, runs) for phase in phases_of(logs, costs.units)],
        thought=_thought(logs[0], costs.units[REASONER], runs),
        outcome=strategy_outcome(planned, answered, tokenizer),
        machine=runs.limits,
        resident_bytes=weights + _cache_bytes(logs, costs, own_trunk),
        predicted=strategy_predictions(subject, planned, answered, costs, chips, slices),
        interrupted=runs.interrupted,
        traced=traced,
    )


def _measured(phase: Phase, runs: Runs[Answered]) -> Phase:
    cost = measured_cost(phase.name, phase.tokens, phase.counted, runs)
    return phase.model_copy(update={"measured": cost})


def _thought(log: PassLog, unit: UnitCosts, runs: Runs[Answered]) -> list[ThoughtPoint]:
    """Evenly spread passes of the first batch's think phase, the first of each length of thought:
    a strategy may begin to think more than once."""
    found: dict[int, ThoughtPoint] = {}
    times = iter(runs.step_times_s("think"))
    for record in log.of_phase("think"):
        worked = record.tokens.any(axis=(1, 2))
        costs = passes_of(record).costs(unit)
        for n, cost in zip(np.flatnonzero(worked), costs, strict=True):
            at_work = record.tokens[n] > 0
            length = int((record.own[n] + record.tokens[n])[at_work].max())
            point = ThoughtPoint(
                tokens_thought=length,
                active_attempts=int(at_work.sum()),
                flops=cost.flops,
                hbm_bytes=cost.hbm_bytes,
                measured_step_s=next(times),
            )
            found.setdefault(length, point)
    return evenly([found[length] for length in sorted(found)])


def _cache_bytes(logs: Sequence[PassLog], costs: Costed, own_trunk: bool) -> int:
    """The largest KV cache of any batch; a verifier with a trunk of its own holds one beside it."""
    holders = list(costs.units) if own_trunk else [REASONER]
    return max(
        sum(_cached(log, name) * costs.units[name].kv_bytes for name in holders) for log in logs
    )


def _cached(log: PassLog, model: str) -> int:
    """The most positions that a batch's cache holds after any pass of `model`."""
    return max((_positions(record) for record in log.records if record.model == model), default=0)


def _positions(record: PassRecord) -> int:
    return int(record.prompt.sum() + (record.own + record.tokens).sum(axis=(1, 2)).max())
