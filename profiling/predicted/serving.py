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
from .calibration import stack_named
from .phase_lengths import PhaseSteps, joined_steps
from .work import Work

BUNCHING = 0.5
BUNCHING_BY_STACK = {"vLLM": 0.45, "TensorRT-LLM": 0.55, "SGLang": 0.85}
FIRST_TOKEN_STEPS = 4.0
"""A first token waits for n ** BUNCHING prompts of the n requests that are held, its own among
them, for answers of like lengths end, and are followed, together; and for so many steps of those
that decode. Fitted to 519 servings on H100, H200 and B200 with 2 to 512 requests in flight (every
third of ai-dynamo/aiconfigurator, silicon_sample.csv, Apache-2.0), over all and by stack. A queue
of random arrivals would hold 1 to 2 prompts, one of all that arrive together half of n."""


class StepMix(NamedTuple):
    """What goes by in a span of time: steps that decode the running batch, and prompts read."""

    decode_steps: Number
    prompts: Number


def token_mix(held: Number, output_tokens: Number) -> StepMix:
    """Between two tokens of a request: a step of the `held` requests, and its share of newcomers'
    prompts. While one decodes its `output_tokens`, each of the others is replaced once.

    The step has all that are held: whose prompt is being read holds up those who decode.
    """
    return StepMix(1.0, arrays.maximum(held - 1, 0.0) / output_tokens)


def first_token_mix(held: Number, copies: Number = 1.0, stack: str | None = None) -> StepMix:
    """Before the first token of a request: those prompts that come with it and its own, and steps
    of the others. Each of the `copies` of the weights reads prompts of its own meanwhile."""
    others = arrays.minimum(arrays.maximum(held - 1, 0.0), 1.0)
    own = arrays.maximum(held / copies, 1.0)
    bunching = BUNCHING_BY_STACK.get(stack_named(stack or ""), BUNCHING)
    return StepMix(FIRST_TOKEN_STEPS * others, copies * own**bunching)


def mix_s(mix: StepMix, decode_s: Number, prompt_s: Number) -> Number:
    """Seconds of a mix, from those of a decode step and those that reading a prompt adds."""
    return mix.decode_steps * decode_s + mix.prompts * prompt_s


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
    decode_s: Number, prompt_s: Number, stack: str | None = None,
) -> RequestTimes:  # fmt: skip
    """Those of each request of a closed loop, from the seconds of a decode step of the `held`
    requests and those that reading one prompt adds, a share of all that the `copies` of the weights
    read at once."""
    tpot_s = mix_s(token_mix(held, output_tokens), decode_s, prompt_s)
    ttft_s = mix_s(first_token_mix(held, copies, stack), decode_s, prompt_s)
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
