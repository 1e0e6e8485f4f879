"""Findings: sentences of advice that a profile's own figures support, largest share first."""

from collections.abc import Iterable, Iterator

from ..model.tasks import Problem
from ..model.tasks.notation import SUM, speaks_notation
from ..model.tasks.sums import GAPS_DISCLOSURE
from ..model.tokenizer import Tokenizer
from .records import Finding, Phase, Profile

WORTH_SAYING = 0.05
"""Shares below this are not worth a reader's time."""


def find(profile: Profile, interrupted: bool = False) -> list[Finding]:
    """All findings of `profile`, the largest share first; what limits its trust before all."""
    found = [
        *_weights_shared(profile),
        *_idle(profile),
        *_padding(profile),
        *_sharing(profile),
        *_excesses(profile),
    ]
    found.sort(key=lambda finding: -(finding.share or 0))
    return [*_interrupted(profile, interrupted), *found]


def engineered_gaps(problems: Iterable[Problem], tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """What must be said wherever answers of a reasoner to `sum` are shown."""
    sums = any((problem.notation or "").startswith(f"{SUM} ") for problem in problems)
    if sums and tokenizer is not None and speaks_notation(tokenizer):
        yield Finding(
            sentence=GAPS_DISCLOSURE,
            evidence="the reasoner's model card",
            phase=None,
            size_bytes=None,
            share=None,
        )


def _interrupted(profile: Profile, interrupted: bool) -> Iterator[Finding]:
    measured = profile.phases[0].measured
    if interrupted and measured is not None:
        done = len(measured.time_s.repeats)
        yield Finding(
            sentence=f"The measurement was interrupted: times rest on {done} "
            f"repeat{'s' if done > 1 else ''} instead of those asked for.",
            evidence="measured: Ctrl-C",
            phase=None,
            size_bytes=None,
            share=None,
        )


def _weights_shared(profile: Profile) -> Iterator[Finding]:
    """Reading weights dominates: more rows a pass are nearly free."""
    for phase in _decoding(profile):
        moved = phase.counted.hbm_bytes
        share = moved.weights / moved.total if moved.total else 0.0
        if share >= 0.5:
            # Twice the rows: weights stay, the rest doubles.
            extra = (moved.total - moved.weights) / moved.total
            yield Finding(
                sentence=f"{phase.name.capitalize()} spends {share:.0%} of its HBM bytes on "
                f"reading weights: twice the attempts or prompts in each pass would move only "
                f"{extra:.0%} more bytes for twice the tokens.",
                evidence=f"counted: {moved.weights / 1e9:.3g} GB of {moved.total / 1e9:.3g} GB",
                phase=phase.name,
                size_bytes=moved.weights,
                share=share,
            )


def _idle(profile: Profile) -> Iterator[Finding]:
    for phase in _decoding(profile):
        slots = phase.tokens + phase.idle_slots
        share = phase.idle_slots / slots if slots else 0.0
        if share >= WORTH_SAYING:
            yield Finding(
                sentence=f"{share:.0%} of the attempt-steps of {phase.name} were idle: attempts "
                "that had ended waited for the longest. Refilling slots or a lower budget "
                "would use them.",
                evidence=f"counted: {phase.idle_slots} of {slots} attempt-steps",
                phase=phase.name,
                size_bytes=None,
                share=share,
            )


def _padding(profile: Profile) -> Iterator[Finding]:
    prefill = profile.phases[0]
    positions = prefill.tokens + prefill.padded_tokens
    share = prefill.padded_tokens / positions if positions else 0.0
    if share >= WORTH_SAYING:
        yield Finding(
            sentence=f"{share:.0%} of the prefill positions that were computed are padding: "
            "batch prompts of like length together.",
            evidence=f"counted: {prefill.padded_tokens} of {positions} positions",
            phase=prefill.name,
            size_bytes=None,
            share=share,
        )


def _sharing(profile: Profile) -> Iterator[Finding]:
    """What the shared prompt cache saved: each prompt's KV in memory once instead of N times."""
    attempts, held = profile.workload.attempts, sum(profile.workload.prompt_tokens)
    if attempts == 1 or not held:
        return
    saved_bytes = (attempts - 1) * held * profile.model.kv_bytes_per_token
    share = 1 - 1 / attempts
    yield Finding(
        sentence=f"Sharing each prompt's KV cache among its {attempts} attempts keeps "
        f"{saved_bytes / 1e6:.3g} MB out of memory, {share:.0%} of what separate copies of the "
        "prompts would take.",
        evidence=f"counted: {held} prompt tokens at {profile.model.kv_bytes_per_token} bytes each",
        phase="think",
        size_bytes=saved_bytes,
        share=share,
    )


def _excesses(profile: Profile) -> Iterator[Finding]:
    """The largest thing that each executable moves beyond what was asked; reports show the rest.

    Of a CPU's there is no advice: its caches absorb most of it, and nobody designs chips by it.
    """
    for target in profile.compiled:
        for phase in target.phases if target.target != "cpu" else ():
            for excess in phase.excesses[:1]:
                if excess.share < WORTH_SAYING:
                    continue
                fix = f" Fix: {excess.fix}." if excess.fix else ""
                yield Finding(
                    sentence=f"Compiled for {target.target}, {phase.phase} moves "
                    f"{excess.excess_bytes / 1e9:.3g} GB a call beyond what was asked for, "
                    f"{excess.share:.0%} of that: {excess.name}.{fix}",
                    evidence=f"compiled: {excess.evidence}",
                    phase=phase.phase,
                    size_bytes=excess.excess_bytes,
                    share=excess.share,
                )


def _decoding(profile: Profile) -> list[Phase]:
    """Phases that read about one token an attempt at a time."""
    return [
        phase
        for phase in profile.phases
        if phase.name != "prefill"
        and phase.steps
        and phase.tokens <= 2 * phase.steps * phase.sequences
    ]
