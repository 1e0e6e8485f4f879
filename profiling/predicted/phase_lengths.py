"""Phases of a reasoning query, as sums of steps: prefill, think, answer.

As in decoding here, every pass reads the pending token and emits the next one: prefill emits the
first token, and the last token of a thought is read by the first step of the answer. Batches
shrink as attempts finish. A phase's cost changes slowly with the context and the attempts left, so
it is summed at a few points (Gauss-Legendre), not step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...model.architecture import ModelShape
from ...model.phases import THINK_AND_ANSWER
from . import arrays
from .arrays import Number, Numbers, mapped, of_numbers
from .step.step_work import Spread, step_work
from .step.work import Load, Widths, Work, prefill_load

POINTS = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS)
_LONGEST_QUANTILE = 3.09
"""Standard normal quantile of the longest length that is summed up to, 0.999."""


@of_numbers
@dataclass(frozen=True)
class Steps:
    """Steps of a decode phase in `POINTS` groups (last axis): how many, where, and how wide. What
    is the same in all groups has one entry, or no axis."""

    steps: Number  # expected steps of each group
    position: Number  # tokens already decoded in the phase
    sequences: Number  # sequences still going on


@of_numbers
@dataclass(frozen=True)
class SameLength:
    """All attempts have the mean length, as where a budget ends every thought."""

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        """The steps of `sequences` attempts whose mean length is `tokens`."""
        tokens, sequences = map(arrays.with_last_axis, (tokens, sequences))
        # Steps at positions 0, 1 .. n - 1 are the unit intervals about them, from -1/2 on.
        return Steps(
            steps=tokens * _WEIGHTS / 2,
            position=tokens * (_NODES + 1) / 2 - 0.5,
            sequences=sequences,
        )


SAME_LENGTH = SameLength()


@of_numbers
@dataclass(frozen=True)
class LogNormal:
    """Lengths that are log-normal with the given standard deviation over mean.

    Thought lengths of reasoning models are skewed to the right; a batch goes on until its longest
    attempt has ended.
    """

    variation: Number

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        tokens, sequences = map(arrays.with_last_axis, (tokens, sequences))
        sigma = arrays.with_last_axis(arrays.sqrt(arrays.log1p(self.variation**2)))
        mu = arrays.log(arrays.maximum(tokens, 1.0)) - sigma**2 / 2
        longest = arrays.exp(mu + _LONGEST_QUANTILE * sigma)
        position = longest * (_NODES + 1) / 2
        going_on = arrays.normal_tail((arrays.log(arrays.maximum(position, 1e-6)) - mu) / sigma)
        ended = arrays.log1p(-arrays.minimum(going_on, 1 - 1e-7))
        any_left = -arrays.expm1(sequences * ended)
        return Steps(
            steps=arrays.where(tokens > 0, longest * _WEIGHTS / 2 * any_left, 0.0),
            position=position - 0.5,
            sequences=sequences * going_on / any_left,
        )


@of_numbers
@dataclass(frozen=True)
class Observed:
    """Lengths that attempts had, in groups of positions [POINTS]. A batch is of so many of these
    attempts, whichever; of all of them, it goes on as long as the longest did."""

    made: Number  # attempts
    left: Number  # of them still going on, in the mean of a group
    reached: Number  # positions of a group that any came to, over the mean length
    position: Number  # where those going on are in the mean, over the mean length

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Observed":
        """Of attempts that decoded so many tokens each, one of them some."""
        ends, ended = np.unique(lengths, return_counts=True)
        starts = np.append(0, ends[:-1])
        made, mean = len(lengths), np.mean(lengths)
        left = np.cumsum(ended[::-1])[::-1]  # until each of `ends`
        # From each group to the next falls by one factor how many are left, down to the last one.
        fallen = np.log(made / left) / np.log(made + 1)
        group = (fallen * POINTS).astype(int)

        def summed(of_stretch: np.ndarray) -> np.ndarray:
            result: np.ndarray = np.bincount(group, of_stretch * (ends - starts), POINTS)
            return result

        reached, tokens = summed(np.ones(len(ends))), summed(left)
        position = summed(left * (starts + ends - 1) / 2) / np.maximum(tokens, 1)
        in_mean = np.where(reached > 0, tokens / np.maximum(reached, 1), 1.0)
        return cls(float(made), in_mean, reached / mean, position / mean)

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        """The steps of a batch of so many `sequences` whose mean length is `tokens`."""
        tokens, sequences = map(arrays.with_last_axis, (tokens, sequences))
        # Of N attempts k go on: none of n does by chance C(N - k, n) / C(N, n), which is at most
        # (1 - n / N)^k, true of all N, and (1 - k / N)^n, true of one.
        in_batch = arrays.maximum(1 - sequences / self.made, 0.0)
        ended = arrays.maximum(1 - self.left / self.made, 0.0)
        any_left = 1 - arrays.minimum(
            arrays.power(in_batch, self.left), arrays.power(ended, sequences)
        )
        return Steps(
            steps=tokens * self.reached * any_left,
            position=tokens * self.position,
            sequences=sequences * self.left / self.made / any_left,
        )


LengthDistribution = SameLength | LogNormal | Observed
PHASES = THINK_AND_ANSWER


@of_numbers
@dataclass(frozen=True)
class Lengths:
    """Tokens and sequences of a batch of queries; each a number or an array."""

    prompts: Number
    attempts: Number  # for each prompt; they share its KV
    prompt_tokens: Number
    think_tokens: Number  # mean of an attempt
    answer_tokens: Number
    prefix_tokens: Number = 0.0  # of each prompt, whose KV is cached already: not read anew

    @property
    def sequences(self) -> Number:
        """Attempts of all prompts."""
        return self.prompts * self.attempts

    @property
    def longest_context(self) -> Number:
        """Cached positions of an attempt at its end: all its tokens but the last one emitted."""
        return self.prompt_tokens + self.think_tokens + self.answer_tokens - 1


@of_numbers
@dataclass(frozen=True)
class PhaseSteps:
    """Work of each group of like steps (last axis), and how many steps each stands for."""

    work: Work  # of one step
    steps: Number


def joined_steps(first: PhaseSteps, second: PhaseSteps) -> PhaseSteps:
    """The groups of steps of both, as one phase's."""
    counts = (len(first.steps), len(second.steps))

    def joined(*leaves: Number) -> Number:
        return np.concatenate([np.broadcast_to(*one) for one in zip(leaves, counts, strict=True)])

    return mapped(joined, first, second)


def phase_steps(
    shape: ModelShape, lengths: Lengths, widths: Widths, spread: Spread, tile: Number = 1.0,
    distribution: LengthDistribution = SAME_LENGTH,
) -> dict[str, PhaseSteps]:  # fmt: skip
    """The steps of each of `PHASES`, by name. `distribution` is of thought lengths; answers are all
    of one length."""
    prefill = prefill_steps(shape, lengths, widths, spread, tile)
    return {"prefill": prefill} | decode_steps(shape, lengths, widths, spread, tile, distribution)


def prefill_steps(
    shape: ModelShape, lengths: Lengths, widths: Widths, spread: Spread, tile: Number = 1.0
) -> PhaseSteps:
    """One step that reads every prompt, after what is cached of it."""
    new_tokens = lengths.prompt_tokens - lengths.prefix_tokens
    load = prefill_load(lengths.prompts, new_tokens, lengths.prefix_tokens)
    return PhaseSteps(_last_axis(step_work(shape, load, widths, spread, tile)), np.ones(1))


def chunked_prefill_steps(
    shape: ModelShape, lengths: Lengths, widths: Widths, spread: Spread, tile: Number, chunk: float
) -> PhaseSteps:
    """Prompts read in steps of `chunk` tokens at most, on each copy of the weights: long ones in
    parts, which read back the KV of those before; short ones several at a time."""
    copies = spread.split.copies
    new_tokens = lengths.prompt_tokens - lengths.prefix_tokens
    together = min(lengths.prompts / copies, max(chunk / new_tokens, 1.0))
    part = min(chunk, new_tokens)
    whole = new_tokens // part
    rest = new_tokens - whole * part
    few = whole <= POINTS  # each by itself
    parts = SAME_LENGTH.steps(whole, 1.0)
    before = np.arange(whole) if few else parts.position
    counts = np.ones(len(before)) if few else parts.steps
    tokens = np.append(np.full(len(before), part), rest or part)
    context = lengths.prefix_tokens + np.append(before, whole) * part
    load = prefill_load(together * copies, tokens, context)
    times = lengths.prompts / copies / together
    steps = np.append(counts, 1.0 if rest > 0 else 0.0) * times
    return PhaseSteps(step_work(shape, load, widths, spread, tile), steps)


def decode_steps(
    shape: ModelShape, lengths: Lengths, widths: Widths, spread: Spread, tile: Number = 1.0,
    distribution: LengthDistribution = SAME_LENGTH, positions: Number = 1.0,
) -> dict[str, PhaseSteps]:  # fmt: skip
    """Those of thinking and of answering, a step for each token. A step reads so many `positions`
    of each sequence: one, or with drafts several, of which all logits are wanted."""
    parts = _decoded(lengths, distribution)
    shape, lengths, widths = _last_axis(shape), _last_axis(lengths), _last_axis(widths)
    spread, tile = _last_axis(spread), _last_axis(tile)
    phases = {}
    for name, (steps, before) in parts.items():
        own, shared = before + steps.position, lengths.prompt_tokens
        load = Load(steps.sequences, positions, own, shared, lengths.attempts, positions)
        phases[name] = PhaseSteps(step_work(shape, load, widths, spread, tile), steps.steps)
    return phases


def decoded_tokens(lengths: Lengths, distribution: LengthDistribution = SAME_LENGTH) -> float:
    """Tokens after the first of the attempt that ends last, as expected."""
    return sum(float(np.sum(steps.steps)) for steps, _ in _decoded(lengths, distribution).values())


def _decoded(lengths: Lengths, distribution: LengthDistribution) -> dict[str, tuple[Steps, Number]]:
    """A step for each token of thinking and answering, and the tokens before the phase."""
    thinking = arrays.maximum(lengths.think_tokens - 1.0, 0.0)
    emitted = arrays.where(lengths.think_tokens >= 1.0, 0.0, 1.0)
    answering = arrays.maximum(lengths.answer_tokens - emitted, 0.0)
    return {
        "think": (distribution.steps(thinking, lengths.sequences), 0.0),
        "answer": (SAME_LENGTH.steps(answering, lengths.sequences), _last_axis(thinking)),
    }


def _last_axis(record: Numbers) -> Numbers:
    """Every array with a last axis of size one, to meet the groups of steps."""
    return mapped(arrays.with_last_axis, record)
