"""Speculative decoding: tokens that a cheap draft proposes, verified by the model in one step.

A verification reads the pending token and its N drafts, and keeps the drafts up to the first that
it would not have sampled, and a token of its own (Leviathan et al., arXiv:2211.17192). So one step
of N + 1 positions stands for as many tokens as the accepted length, from 1 to N + 1.

Acceptance is a marginal or a conditional rate, which are different numbers: 4 drafts at a marginal
rate of 0.5 yield 3 tokens a step, at a conditional one 1.94.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from ...model.architecture import ModelShape
from ..errors import ProfileInputError
from .arrays import Number
from .model_shape import NamedShape, named_shape
from .phase_lengths import (
    LengthDistribution,
    Lengths,
    PhaseSteps,
    decode_steps,
    joined_steps,
    prefill_steps,
)
from .step.step_work import Spread
from .step.work import Widths, Work

MOST_DRAFTS = 100
_EXPECTED = (
    "expected the drafts of a step, their acceptance and what makes them, such as "
    "drafts=4,conditional=0.75,draft=eagle"
)
_BY_NAME = (
    "name the acceptance, marginal=0.6/0.4 (share of steps that keep the draft at a position: "
    "length 1 + sum), conditional=0.7 (of drafts after kept ones: (1 - a^(N+1)) / (1 - a)) or "
    "accepted=2.4 (the length)"
)
_RATES = ("marginal", "conditional", "accepted")


@dataclass(frozen=True)
class Draft:
    """What proposes tokens: a pass of `shape` for each, or nothing that takes time."""

    name: str
    shape: ModelShape | None  # what one pass reads; None for a look-up in what was said already
    resident: ModelShape | None  # what it holds besides the model that verifies


@dataclass(frozen=True)
class Speculation:
    """Drafts of a step, and how many tokens a step yields with the model's own."""

    drafts: int
    accepted_tokens: float
    draft: Draft


def accepted_by_marginal(rates: list[float]) -> float:
    """Tokens of a step, from the share of steps that keep the draft at each position."""
    return 1 + sum(rates)


def accepted_by_conditional(rate: float, drafts: int) -> float:
    """Tokens of a step, from the share of drafts that are kept where all before them were: a sum
    of rate^k over k from 0 to `drafts`."""
    return sum(rate**k for k in range(drafts + 1))


def parse_speculation(text: str, model: NamedShape) -> Speculation:
    """The drafts that `text` describes for `model`: 'drafts=4,conditional=0.75,draft=llama3.2-1b'.

    Raises ProfileInputError for what is malformed or has a rate without its name, ModelInputError
    for a draft that is no model.
    """
    words = _words(text)
    stated = [name for name in _RATES if name in words]
    if len(stated) != 1:
        raise ProfileInputError(f"--speculate is {text!r}: {_BY_NAME}")
    drafts = _drafts(text, words.get("drafts", ""))
    accepted = _accepted(text, drafts, stated[0], words[stated[0]])
    return Speculation(drafts, accepted, draft_named(words.get("draft", "eagle"), model))


def draft_named(name: str, model: NamedShape) -> Draft:
    """A model by name; 'eagle', one layer of `model`, its experts as wide as one token sees them;
    'mtp', one whole layer; or 'ngram', which looks up what was said already.

    Both layers read two embeddings for each position, and share the model's head (EAGLE,
    arXiv:2401.15077; multi-token prediction in DeepSeek-V3, arXiv:2412.19437, section 2.2).
    """
    if name == "ngram":
        return Draft(name, None, None)
    if name not in ("eagle", "mtp"):
        found = named_shape(name)
        return Draft(found.name, found.shape, found.shape)
    if name == "mtp" and not model.shape.mtp_parameters:
        raise ProfileInputError(
            f"{model.name} has no layers that predict later tokens, as draft=mtp is: draft=eagle "
            "is one that is trained for a model"
        )
    layer = _one_layer(model.shape)
    if name == "eagle":
        layer = replace(layer, mlp_parameters=layer.active_mlp_parameters, experts_per_token=1.0)
    resident = replace(layer, head_parameters=0.0, embedding_parameters=0.0)
    if name == "mtp":  # all of the model's own such layers are held, one is passed
        others = resident.parameters - resident.mlp_parameters
        resident = replace(resident, mlp_parameters=model.shape.mtp_parameters - others)
    return Draft(name, layer, resident)


def speculative_steps(
    speculation: Speculation, shape: ModelShape, lengths: Lengths, widths: Widths, spread: Spread,
    tile: Number, distribution: LengthDistribution,
) -> dict[str, PhaseSteps]:  # fmt: skip
    """Steps of thinking and answering with drafts: fewer of the model, each with its drafts. What
    a host does for a step it does once."""
    positions, accepted = speculation.drafts + 1.0, speculation.accepted_tokens
    others = (lengths, widths, spread, tile, distribution)
    phases = {
        name: PhaseSteps(verification(part.work, accepted), part.steps / accepted)
        for name, part in decode_steps(shape, *others, positions).items()
    }
    if speculation.draft.shape is None:
        return phases
    for name, part in decode_steps(speculation.draft.shape, *others).items():
        passes = PhaseSteps(drafting(part.work), part.steps * (speculation.drafts / accepted))
        phases[name] = joined_steps(phases[name], passes)
    return phases


def with_draft_prefill(
    prefill: PhaseSteps, draft: Draft, lengths: Lengths, widths: Widths, spread: Spread,
    tile: Number,
) -> PhaseSteps:  # fmt: skip
    """Reading the prompts, with the draft's reading of them."""
    if draft.shape is None:
        return prefill
    drafted = prefill_steps(draft.shape, lengths, widths, spread, tile)
    return joined_steps(prefill, PhaseSteps(drafting(drafted.work), drafted.steps))


def verification(step: Work, accepted: float) -> Work:
    """A step that yields so many tokens of each sequence. A host handles every token that is kept:
    drafts that are always right gain 3.5 times in 17 tokens a step for 32 sequences (Qwen3-8B on an
    H100 with vLLM, gist jiangLLM/e95756b974f385846e4277b7ee68d6c8)."""
    return replace(step, sequences=step.sequences * accepted)


def drafting(one_pass: Work) -> Work:
    """A draft's pass within a step of the model: the host launches it and need not schedule its
    sequences. One of EAGLE's takes 0.7 to 1 ms beside Llama-3.1-8B on an H100 (times of vLLM by
    drafts, in speculative.csv); its bytes take 0.5 at the datasheet's bandwidth."""
    return replace(one_pass, sequences=0.0)


def _one_layer(shape: ModelShape) -> ModelShape:
    """A mean layer, with attention to all positions, that takes two embeddings for each."""
    return replace(
        shape,
        layers=1.0,
        attention_parameters=shape.attention_parameters + 2 * shape.embed_dim**2,
        vector_parameters=shape.vector_parameters / shape.layers,
        windowed_share=0.0,
        windowed_kv_share=0.0,
        attention_share=1.0,
        state_bytes=0.0,
        state_flops=0.0,
        linear_elements=0.0,
    )


def _words(text: str) -> dict[str, str]:
    """'drafts=4,accepted=2.4' by name."""
    words: dict[str, str] = {}
    for part in text.replace(" ", "").split(","):
        name, equals, value = part.partition("=")
        name = name.lower()
        if not equals or name in ("rate", "acceptance", "acceptance_rate"):
            raise ProfileInputError(f"--speculate is {text!r}: {_BY_NAME}")
        if name not in ("drafts", "draft", *_RATES) or name in words or not value:
            raise ProfileInputError(f"--speculate is {text!r}, {_EXPECTED}")
        words[name] = value
    return words


def _drafts(text: str, stated: str) -> int:
    if not stated.isascii() or not stated.isdigit() or not 1 <= int(stated[:9]) <= MOST_DRAFTS:
        raise ProfileInputError(
            f"--speculate is {text!r}, expected drafts from 1 to {MOST_DRAFTS}, such as drafts=4"
        )
    return int(stated)


def _accepted(text: str, drafts: int, name: str, stated: str) -> float:
    """The accepted length by the kind of rate that `name` is."""
    try:
        rates = [float(part) for part in stated.split("/")]
    except ValueError:
        raise ProfileInputError(f"--speculate is {text!r}: {name} is no number") from None
    least, most = (1.0, drafts + 1.0) if name == "accepted" else (0.0, 1.0)
    if not all(least <= rate <= most for rate in rates):
        raise ProfileInputError(
            f"--speculate is {text!r}: {name} is not from {least:g} to {most:g}"
        )
    if name == "marginal":
        return accepted_by_marginal(_of_each_position(text, rates, drafts))
    if len(rates) > 1:
        raise ProfileInputError(f"--speculate is {text!r}: {name} is one number, not several")
    return rates[0] if name == "accepted" else accepted_by_conditional(rates[0], drafts)


def _of_each_position(text: str, rates: list[float], drafts: int) -> list[float]:
    """Marginal rates of all positions: as stated, or their mean."""
    if len(rates) == 1:
        return rates * drafts
    if len(rates) != drafts:
        raise ProfileInputError(
            f"--speculate is {text!r}: {len(rates)} marginal rates for {drafts} drafts, expected "
            "one for each, or their mean"
        )
    if any(later > earlier for earlier, later in pairwise(rates)):
        raise ProfileInputError(
            f"--speculate is {text!r}: a marginal rate rises, but a draft is kept only where all "
            "before it are"
        )
    return rates
