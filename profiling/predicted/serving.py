"""A server with so many requests in flight: the running batch, and what each token waits for.

A closed loop: whoever has an answer asks again at once. One user's request takes the time to its
first token and then one time per output token after another; meanwhile the prompts of those who
come after it are read between its steps.

Everything here is arithmetic on numbers, of single predictions and of published measurements.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from . import arrays
from .arrays import Number, mapped
from .phase_lengths import PhaseSteps, joined_steps
from .work import Work

BUNCHING = 0.5
"""A first token waits for concurrency ** BUNCHING prompts: answers of like lengths end, and are
followed, together. In 440 servings of Qwen3, Llama and other models on H100, H200 and B200 with 4
to 64 requests in flight (ai-dynamo/aiconfigurator, silicon_sample.csv, Apache-2.0) the time to
first token over what each further prompt adds to the others' tokens is 3 to 8 at 4 in flight, 4 to
6 at 8 to 32 and 8 at 64, at any load: a queue of random arrivals would hold 1 to 2."""
_ROUNDS = 100
_SETTLED = 1e-6
"""Relative change at which the running batch has settled; each round takes off a share of it."""


class StepMix(NamedTuple):
    """What goes by in a span of time: steps that decode the running batch, and prompts read."""

    decode_steps: Number
    prompts: Number


def token_mix(running: Number, output_tokens: Number) -> StepMix:
    """Between two tokens of a request: a step of the batch, and its share of newcomers' prompts.

    While a request decodes its `output_tokens`, each of the others `running` is replaced once.
    """
    return StepMix(1.0, arrays.maximum(running - 1, 0.0) / output_tokens)


def first_token_mix(concurrency: Number) -> StepMix:
    """Before the first token of a request: those prompts that come with it and its own, and the
    step of the batch that was under way. `concurrency` is of those that the server can hold."""
    return StepMix(arrays.minimum(concurrency - 1, 1.0), concurrency**BUNCHING)


def mix_s(mix: StepMix, decode_s: Number, prompt_s: Number) -> Number:
    """Seconds of a mix, from those of a decode step and those that reading a prompt adds."""
    return mix.decode_steps * decode_s + mix.prompts * prompt_s


def running_batch(
    concurrency: Number, ttft_s: Number, tpot_s: Number, output_tokens: Number
) -> Number:
    """Requests that decode at a time, of `concurrency` in flight: the share of its time that each
    spends after its first token (Little 1961)."""
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
    concurrency: float, held: float, running: float, output_tokens: float,
    decode_s: Number, prompt_s: Number,
) -> RequestTimes:  # fmt: skip
    """Those of each request of a closed loop, from the seconds of a decode step of the `running`
    batch and those that reading a prompt adds."""
    tpot_s = mix_s(token_mix(running, output_tokens), decode_s, prompt_s)
    ttft_s = mix_s(first_token_mix(min(concurrency, held)), decode_s, prompt_s)
    waited_s = queue_s(concurrency, held, ttft_s, tpot_s, output_tokens)
    return RequestTimes(ttft_s + waited_s, tpot_s, waited_s)


def settled_batch(
    concurrency: float, output_tokens: float, times: Callable[[float], tuple[float, float]]
) -> float:
    """The running batch that its own times lead to; `times` of a batch are those of a decode step
    and of a prompt in it, in seconds. `concurrency` is of those that the server can hold.

    A larger batch has a longer time per token, which lets more run: from all of them downwards the
    batch falls to the largest that explains itself. A step that decodes has one request at least.
    """
    running = concurrency
    for _ in range(_ROUNDS):
        decode_s, prompt_s = times(running)
        tpot_s = mix_s(token_mix(running, output_tokens), decode_s, prompt_s)
        ttft_s = mix_s(first_token_mix(concurrency), decode_s, prompt_s)
        found = max(float(running_batch(concurrency, ttft_s, tpot_s, output_tokens)), 1.0)
        if abs(found - running) <= _SETTLED * running:
            return found
        running = found
    return running


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
    reading: PhaseSteps, decoding: Mapping[str, PhaseSteps]
) -> tuple[PhaseSteps, dict[str, PhaseSteps]]:
    """Chunks of prompts and decode steps of the same time, in common steps as far as there are
    enough of both: `reading` has those, `decoding` what is left of its phases."""
    steps = sum(float(np.sum(part.work.steps * part.steps)) for part in decoding.values())
    chunks = float(np.sum(reading.steps))
    if steps <= 0 or chunks <= 0:
        return reading, dict(decoding)
    both = min(steps, chunks)
    totals = [mapped(lambda leaf, n=part.steps: np.sum(leaf * n), part.work)
              for part in decoding.values()]  # fmt: skip
    mean_step = sum(totals[1:], start=totals[0]) * (1 / steps)
    in_common = PhaseSteps(mixed(mean_step, reading.work), reading.steps * (both / chunks))
    alone = PhaseSteps(reading.work, reading.steps * (1 - both / chunks))
    left = {name: PhaseSteps(part.work, part.steps * (1 - both / steps))
            for name, part in decoding.items()}  # fmt: skip
    return joined_steps(in_common, alone), left
