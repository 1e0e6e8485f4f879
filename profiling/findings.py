"""Findings: what would save time or money, largest saving of the whole first.

Savings are shares of the time per query of all phases together, from one basis for a whole profile:
predicted on the slice that was asked for; else measured here; else predicted on the cheapest slice;
else the lower bound at datasheet peak. What the compiler's executable moves in excess has the
target that it was compiled for as its basis.

A saving is estimated by moving a phase's terms (`predicted.phase_terms`) by the share of its bytes
that the change touches; `rooflink codesign` predicts such changes anew, with intervals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from ..model.phases import phase_named
from ..model.tasks import Problem
from ..model.tasks.modular import GAPS_DISCLOSURE
from ..model.tasks.task import SUM, speaks_notation
from ..model.tokenizer import Tokenizer
from .predicted.phase_terms import PhaseTerms, predicted_terms, terms_at_peak
from .predicted.step.attention_work import available_bytes
from .records import (
    ChipPlacement,
    CompiledPhase,
    CompiledTarget,
    Finding,
    HbmBytes,
    MeasuredCost,
    Phase,
    Prediction,
    Profile,
)
from .records.base import BYTE_KINDS, percent, size_text
from .records.lenses import sum_costs
from .records.prediction import by_cost
from .records.profile import FindingLens

WORTH_SAYING = 0.05
"""Savings below this share are not worth a reader's time."""

HALVED = {"bfloat16": "int8", "float16": "int8", "float32": "bfloat16"}


@dataclass(frozen=True)
class Basis:
    """What the time per query is made of, phase by phase, under one lens."""

    lens: FindingLens
    words: str
    terms: Mapping[str, PhaseTerms]
    room: float = inf  # how many of the workload's batches the memory holds at once
    per_sequence: Mapping[str, float] = field(default_factory=dict)  # share of phases' overhead

    @property
    def time_s(self) -> float:
        """All phases."""
        return sum(terms.time_s for terms in self.terms.values())

    def moved(self, phase: Phase, **factors: float) -> PhaseTerms:
        """The phase's terms times `factors` of 'compute', 'memory', 'on_chip', and 'per_pass': the
        part of the overhead which a pass has once, however many sequences it has."""
        terms = self.terms[phase.name]
        kept = self.per_sequence.get(phase.name, 0.0)
        overhead = kept + (1 - kept) * factors.pop("per_pass", 1.0)
        changed = {f"{name}_s": terms.of(name) * by for name, by in factors.items()}
        return replace(terms, overhead_s=terms.overhead_s * overhead, **changed)

    def saves(self, changed: Mapping[str, PhaseTerms]) -> float:
        """Share of the whole time that is saved where phases have these terms instead."""
        saved_s = sum(self.terms[name].time_s - terms.time_s for name, terms in changed.items())
        return saved_s / self.time_s


def basis_of(profile: Profile) -> Basis | None:
    """What savings of `profile` are shares of, the first slice that was asked for by name where
    there is one; None where it was neither run nor placed."""
    for prediction in profile.predictions:
        if prediction.slice in profile.asked_slices[:1]:
            return _predicted(prediction, profile)
    measured = {p.name: p.measured for p in profile.phases if p.measured is not None}
    if measured and len(measured) == len(profile.phases):
        return _measured(measured)
    if profile.predictions:
        return _predicted(min(profile.predictions, key=by_cost), profile)
    if profile.placements:
        return _at_peak(profile.placements[0], profile)
    return None


def _predicted(prediction: Prediction, profile: Profile) -> Basis:
    together = profile.workload.batch * profile.workload.attempts
    return Basis(
        lens="predicted",
        words=f"predicted on {prediction.slice}",
        terms={phase.phase: predicted_terms(phase) for phase in prediction.phases},
        per_sequence={
            phase.phase: phase.sequence_overhead_s / phase.overhead_s if phase.overhead_s else 0.0
            for phase in prediction.phases
        },
        room=prediction.fit.largest_batch / together,
    )


def _measured(costs: Mapping[str, MeasuredCost]) -> Basis:
    """Each phase keeps the share that it reached of the limit that binds it here."""
    return Basis(
        lens="measured",
        words="measured on this machine",
        terms={name: _reached(cost) for name, cost in costs.items()},
    )


def _reached(cost: MeasuredCost) -> PhaseTerms:
    time_s = cost.time_s.median
    if cost.bound == "neither":  # of its time nobody knows more than that it follows the positions
        return PhaseTerms(compute_s=time_s, memory_s=0.0)
    most = max(cost.flops_share, cost.bandwidth_share)
    return PhaseTerms(time_s * cost.flops_share / most, time_s * cost.bandwidth_share / most)


def _at_peak(placement: ChipPlacement, profile: Profile) -> Basis:
    cache_bytes = placement.resident_bytes - profile.model.weight_bytes
    held_bytes = placement.chips * available_bytes(placement.hbm_capacity_bytes)
    free_bytes = held_bytes - profile.model.weight_bytes
    return Basis(
        lens="at peak",
        words=f"at the datasheet peak of {placement.chip}",
        terms={phase.name: terms_at_peak(phase, placement) for phase in profile.phases},
        room=free_bytes / cache_bytes if cache_bytes > 0 else inf,
    )


def find(profile: Profile, interrupted: bool = False) -> list[Finding]:
    """Notes on the figures of `profile` first, then changes, the largest saving first."""
    basis = basis_of(profile)
    changes = [*_excesses(profile)]
    if basis is not None and basis.time_s > 0:
        rules = (_refill, _larger_batch, _narrower_kv, _narrower_weights, _like_lengths)
        changes += [finding for rule in rules for finding in rule(profile, basis)]
    changes.sort(key=lambda finding: -(finding.saves_share or 0.0))
    return [*_interrupted(profile, interrupted), *changes]


def engineered_gaps(problems: Iterable[Problem], tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """What must be said wherever answers of a reasoner to `sum` are shown."""
    sums = any((problem.notation or "").startswith(f"{SUM} ") for problem in problems)
    if sums and tokenizer is not None and speaks_notation(tokenizer):
        yield note(GAPS_DISCLOSURE, "the reasoner's model card")


def _interrupted(profile: Profile, interrupted: bool) -> Iterator[Finding]:
    measured = next((phase.measured for phase in profile.phases), None)
    if interrupted and measured is not None:
        done = len(measured.time_s.repeats)
        rest = f"times rest on {done} repeat{'s' if done > 1 else ''} instead of those asked for"
        yield note(f"The measurement was interrupted: {rest}.", "measured: Ctrl-C")


def note(sentence: str, evidence: str) -> Finding:
    """What limits the figures."""
    return Finding(kind="note", what=sentence, evidence=evidence, phase=None)


def _refill(profile: Profile, basis: Basis) -> Iterator[Finding]:
    """Slots of attempts that have ended wait for the longest.

    Measured, a pass takes as long however many of its slots are at work. Otherwise passes of fewer
    attempts were costed as such, and refilled slots save what each pass has once: the weights' read
    and overhead.
    """
    phases = [phase for phase in _decoding(profile, basis) if phase.idle_slots]
    changed = {}
    for phase in phases:
        busy = phase.tokens / (phase.tokens + phase.idle_slots)
        if basis.lens == "measured":
            changed[phase.name] = basis.moved(phase, memory=busy, per_pass=busy, compute=busy)
        else:
            read = 1 - _share(phase.counted.hbm_bytes, "weights") * (1 - busy)
            changed[phase.name] = basis.moved(phase, memory=read, on_chip=read, per_pass=busy)
    idle = sum(phase.idle_slots for phase in phases)
    slots = idle + sum(phase.tokens for phase in phases)
    yield from _change(
        basis,
        changed,
        what=f"Finished attempts hold {percent(idle / max(slots, 1))} of the slots of "
        f"{_names(phases)} until the longest attempt of their batch has ended.",
        how="Refill finished slots (continuous batching)",
        evidence=f"counted: {idle} of {slots} slots idle; a slot is one attempt in one pass",
    )


def _larger_batch(profile: Profile, basis: Basis) -> Iterator[Finding]:
    """Twice the prompts in a pass: per query, half of the weights' read and of its overhead."""
    phases, work = _decoding(profile, basis), profile.workload
    if basis.room < 2:
        return
    changed = {}
    for phase in phases:
        half = 1 - _share(phase.counted.hbm_bytes, "weights") / 2
        changed[phase.name] = basis.moved(phase, memory=half, on_chip=half, per_pass=0.5)
    read, moved = _bytes(phases, "weights")
    longer = 2 * (1 - basis.saves(changed))
    weights = (
        "all weights" if profile.model.experts == 1 else "the weights of experts that it needs"
    )
    yield from _change(
        basis,
        changed,
        what=f"Each pass of {_names(phases)} reads {weights} for {work.batch * work.attempts} "
        f"sequences: {percent(read / max(moved, 1))} of the bytes moved.",
        how=f"Run {2 * work.batch} prompts together instead of {work.batch}, so that a batch takes "
        f"{longer:.2f} times as long",
        command=f"--batch {2 * work.batch}",
        evidence=f"counted: weights are {size_text(read)} of {size_text(moved)}",
    )


def _narrower_kv(profile: Profile, basis: Basis) -> Iterator[Finding]:
    if _narrower(profile, basis) != "int8" or profile.model.kv_dtype:
        return
    phases, kinds = _decoding(profile, basis), ("kv_read", "kv_write")
    read, moved = _bytes(phases, *kinds)
    yield from _change(
        basis,
        _halved(basis, phases, *kinds),
        what=f"The KV cache is {percent(read / max(moved, 1))} of the bytes that {_names(phases)} "
        f"{_verb(phases, 'move')}.",
        how="Keep the KV cache in int8",
        command="--kv-dtype int8",
        evidence=f"counted: KV cache {size_text(read)} of {size_text(moved)}",
        answers="may change",
    )


def _narrower_weights(profile: Profile, basis: Basis) -> Iterator[Finding]:
    """In float32 everything that moves is halved by bfloat16; below, weights alone by int8."""
    narrower = _narrower(profile, basis)
    if narrower is None or profile.model.weight_dtype:
        return
    whole = narrower == "bfloat16"
    phases, kinds = _decoding(profile, basis), BYTE_KINDS if whole else ("weights",)
    read, moved = _bytes(phases, "weights")
    yield from _change(
        basis,
        _halved(basis, phases, *kinds),
        what=f"Weights are {percent(read / max(moved, 1))} of the bytes that {_names(phases)} "
        f"{_verb(phases, 'move')}, in {profile.model.dtype}.",
        how=f"Run in {narrower}" if whole else f"Keep the weights in {narrower}",
        command=f"--dtype {narrower}" if whole else f"--weight-dtype {narrower}",
        evidence=f"counted: weights {size_text(read)} of {size_text(moved)}",
        answers="may change",
    )


def _narrower(profile: Profile, basis: Basis) -> str | None:
    """A dtype of half the width or less; none for this machine, of which nobody knows whether it
    is faster with it."""
    return None if basis.lens == "measured" else HALVED.get(profile.model.dtype)


def _halved(basis: Basis, phases: Sequence[Phase], *kinds: str) -> dict[str, PhaseTerms]:
    """The phases' terms with half of the bytes of these kinds."""
    return {
        phase.name: basis.moved(phase, memory=1 - _share(phase.counted.hbm_bytes, *kinds) / 2)
        for phase in phases
    }


def _like_lengths(profile: Profile, basis: Basis) -> Iterator[Finding]:
    """Padded positions take time here, unless memory binds; the other lenses leave them out."""
    decoding = {phase.name for phase in _decoding(profile, basis)}
    for phase in profile.phases if basis.lens == "measured" else ():
        memory_bound = phase.measured is not None and phase.measured.bound == "memory"
        if phase.name in decoding or not phase.padded_tokens or memory_bound:
            continue
        positions = phase.tokens + phase.padded_tokens
        used = phase.tokens / positions
        yield from _change(
            basis,
            {phase.name: basis.moved(phase, memory=used, per_pass=used, compute=used)},
            what=f"{percent(1 - used)} of the positions that {phase.name} computes are padding.",
            how="Batch prompts of like length together",
            evidence=f"counted: {phase.padded_tokens} of {positions} positions",
        )


def _excesses(profile: Profile) -> Iterator[Finding]:
    """The largest thing that each executable moves beyond what the algorithm must; reports show
    the rest. Of a CPU's there is no advice: its caches absorb most of it. Time saved is that of the
    bytes at datasheet bandwidth where the phase is bound by memory: the least that it can be.
    """
    steps = {phase.name: phase.steps for phase in profile.phases}
    for target in profile.compiled:
        whole_s = _compiled_s(target, steps)
        for phase in target.phases:
            roof = phase.at_peak
            if not (whole_s and roof and phase.excesses and roof.bound == "memory"):
                continue
            excess = phase.excesses[0]
            saved_s = roof.memory_s * excess.excess_bytes / phase.hbm_bytes
            saved_s = min(saved_s, roof.memory_s - max(roof.compute_s, roof.links_s))
            share = saved_s * _calls(phase, steps) / whole_s
            if share >= WORTH_SAYING:
                yield Finding(
                    kind="change",
                    what=f"Compiled for {target.target}, {phase.phase} moves "
                    f"{size_text(excess.excess_bytes)} per call more than the algorithm must: "
                    f"{excess.name}.",
                    how=f"Avoid it: {excess.fix}" if excess.fix else "Avoid it",
                    saves_share=share,
                    of="time per query",
                    lens="compiled",
                    basis=f"compiled for {target.target}, at its datasheet bandwidth",
                    evidence=f"compiled: {excess.evidence}",
                    phase=phase.phase,
                    answers="unchanged",
                )


def _compiled_s(target: CompiledTarget, steps: Mapping[str, int]) -> float | None:
    """All calls of all phases by their predicted times; None where one has none."""
    times = [(phase.predicted_time_s, _calls(phase, steps)) for phase in target.phases]
    medians = [time_s.median * calls for time_s, calls in times if time_s]
    return sum(medians) if len(medians) == len(times) else None


def _calls(phase: CompiledPhase, steps: Mapping[str, int]) -> float:
    return steps.get(phase.phase, 0) / phase.passes if phase.passes else 0.0


def _change(
    basis: Basis,
    changed: Mapping[str, PhaseTerms],
    *,
    what: str,
    how: str,
    evidence: str,
    command: str | None = None,
    answers: Literal["unchanged", "may change"] = "unchanged",
) -> Iterator[Finding]:
    """The finding, if the changed terms save enough of the whole."""
    share = basis.saves(changed)
    if share >= WORTH_SAYING:
        yield Finding(
            kind="change",
            what=what,
            how=how,
            command=command,
            saves_share=share,
            of="time per query",
            lens=basis.lens,
            basis=basis.words,
            evidence=evidence,
            phase=next(iter(changed)) if len(changed) == 1 else None,
            answers=answers,
        )


def _decoding(profile: Profile, basis: Basis) -> list[Phase]:
    """Phases that read about one token an attempt at a time, of which the basis has a time."""
    return [
        phase
        for phase in profile.phases
        if phase_named(phase.name).program != "prompt"
        and phase.name in basis.terms
        and phase.steps
        and phase.tokens <= 2 * phase.steps * phase.sequences
    ]


def _share(moved: HbmBytes, *kinds: str) -> float:
    """Share of these kinds in all bytes."""
    return sum(getattr(moved, kind) for kind in kinds) / moved.total if moved.total else 0.0


def _bytes(phases: Sequence[Phase], *kinds: str) -> tuple[int, int]:
    """Bytes of these kinds, and of all kinds, that the phases move together."""
    moved = sum_costs([phase.counted for phase in phases]).hbm_bytes
    return sum(getattr(moved, kind) for kind in kinds), moved.total


def _names(phases: Sequence[Phase]) -> str:
    """'think', 'think and answer', 'think, probe and answer'."""
    *first, last = [phase.name for phase in phases] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _verb(phases: Sequence[Phase], verb: str) -> str:
    return verb if len(phases) > 1 else f"{verb}s"
