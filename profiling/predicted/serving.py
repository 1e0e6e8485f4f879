"""A server with so many requests in flight: what each token of a request waits for.

A closed loop: whoever has an answer asks again at once. One user's request takes the time to its
first token and then one time per output token after another; meanwhile the prompts of those who
come after it are read between its steps.

Everything here is arithmetic on numbers, of single predictions and of published measurements.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from . import arrays
from .arrays import Number, mapped
from .phase_lengths import PhaseSteps, joined_steps
from .step.hardware import IDEAL, Efficiency
from .step.work import Work


class StepMix(NamedTuple):
    """What goes by in a span of time: steps that decode all who are held, and prompts read.

    How many of some prompts a request waits for is a stack's own, and fitted: of those that are
    `bunched` with its own and `queued` before it, `Efficiency` has the share.
    """

    decode_steps: Number
    prompts: Number
    bunched: Number = 0.0
    queued: Number = 0.0
    requests: Number = 0.0  # that arrive


def token_mix(held: Number, output_tokens: Number) -> StepMix:
    """Between two tokens of a request: a step of the `held` requests, and its share of newcomers'
    prompts. While one decodes its `output_tokens`, each of the others is replaced once.

    The step has all that are held: whose prompt is being read holds up those who decode.
    """
    return StepMix(1.0, arrays.maximum(held - 1, 0.0) / output_tokens)


def first_token_mix(held: Number, copies: Number = 1.0) -> StepMix:
    """Before the first token of a request: its own prompt, and half of the step that is under way.

    Answers of like lengths end, and are followed, together: where there are others, some prompts
    come with its own, whatever their number. Where all arrive at once, as at a benchmark's start,
    half of the others are read before. Each of the `copies` reads prompts of its own meanwhile.
    """
    own = arrays.maximum(held / copies, 1.0)
    others = arrays.minimum(arrays.maximum(held - 1, 0.0), 1.0)
    return StepMix(others / 2, copies, copies * (1 - 1 / own), copies * (own - 1) / 2, 1.0)


def mix_s(
    mix: StepMix, decode_s: Number, prompt_s: Number, efficiency: Efficiency = IDEAL
) -> Number:
    """Seconds of a mix, from those of a decode step and those that reading a prompt adds."""
    waited = efficiency.waited(mix.bunched, mix.queued)
    arriving_s = mix.requests * efficiency.request_s
    return mix.decode_steps * decode_s + (mix.prompts + waited) * prompt_s + arriving_s


def running_batch(
    concurrency: Number, ttft_s: Number, tpot_s: Number, output_tokens: Number
) -> Number:
    """Requests that are between their first token and their last at a time, of `concurrency` in
    flight (Little 1961): the share of its time that each spends there."""
    decoding_s = tpot_s * output_tokens
    return concurrency * decoding_s / (ttft_s + decoding_s)


def queue_s(
    concurrency: Number, held: Number, ttft_s: Number, tpot_s: Number, output_tokens: Number
) -> Number:
    """Seconds that a request waits for a place where the server holds fewer than are in flight:
    those who wait over the rate at which the `held` end (Little's law of the queue)."""
    waiting = arrays.maximum(concurrency - held, 0.0)
    return waiting * (ttft_s + tpot_s * output_tokens) / held


class RequestTimes(NamedTuple):
    """What one request waits for, in seconds."""

    ttft_s: Number  # to the first token, with the wait for a place
    tpot_s: Number  # per further one
    queue_s: Number  # for a place, where fewer are held than are in flight


def loop_times(
    concurrency: float, held: float, copies: float, output_tokens: float,
    decode_s: Number, prompt_s: Number, efficiency: Efficiency = IDEAL,
) -> RequestTimes:  # fmt: skip
    """Those of each request of a closed loop, from the seconds of a decode step of the `held`
    requests and those that reading one prompt adds, a share of all that the `copies` of the weights
    read at once."""
    tpot_s = mix_s(token_mix(held, output_tokens), decode_s, prompt_s)
    ttft_s = mix_s(first_token_mix(held, copies), decode_s, prompt_s, efficiency)
    waited_s = queue_s(concurrency, held, ttft_s, tpot_s, output_tokens)
    return RequestTimes(ttft_s + waited_s, tpot_s, waited_s)


def mixed(decode: Work, chunk: Work) -> Work:
    """One step that decodes a batch and reads a chunk of a prompt: what each needs for itself is
    added, and what both share is there once: weights, launches and collectives."""
    shared = {
        name: arrays.maximum(getattr(decode, name), getattr(chunk, name))
        for name in ("weight_bytes", "hops", "collectives", "dispatches", "kernels", "steps")
    }
    both = decode + chunk
    once_bytes = arrays.minimum(decode.weight_bytes, chunk.weight_bytes)
    return replace(
        both,
        idle_expert_bytes=arrays.minimum(decode.idle_expert_bytes, chunk.idle_expert_bytes),
        on_chip_bytes=both.on_chip_bytes - once_bytes,
        **shared,
    )


def with_chunks_mixed_in(
    reading: PhaseSteps, decoding: Mapping[str, PhaseSteps], steps: float, held: float
) -> tuple[PhaseSteps, dict[str, PhaseSteps]]:
    """Chunks of prompts and the `steps` of all phases that decode, in common steps as far as there
    are enough of both, and others of the `held` to decode: the first has those, the second what is
    left of the phases."""
    chunks = float(np.sum(reading.steps))
    if steps <= 0 or chunks <= 0:
        return reading, dict(decoding)
    both = min(steps, chunks * (1 - 1 / held))
    totals = [mapped(lambda leaf, n=part.steps: np.sum(leaf * n), part.work)
              for part in decoding.values()]  # fmt: skip
    mean_step = sum(totals[1:], start=totals[0]) * (1 / steps)
    in_common = PhaseSteps(mixed(mean_step, reading.work), reading.steps * (both / chunks))
    alone = PhaseSteps(reading.work, reading.steps * (1 - both / chunks))
    left = {name: PhaseSteps(part.work, part.steps * (1 - both / steps))
            for name, part in decoding.items()}  # fmt: skip
    return joined_steps(in_common, alone), left
