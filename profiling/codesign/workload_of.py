"""What a profile's workload asks of any slice."""

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

from ...model.presets import PRESETS
from ..economics.terms import Terms
from ..errors import ProfileInputError
from ..forecast import Asked
from ..predict.described import NamedShape
from ..predict.phases import Lengths
from ..predict.shape import ModelShape, shape_of
from ..predict.sizes import Sizes
from ..record import ModelFacts, Profile


def asked_of(
    profile: Profile,
    terms: Terms,
    stack: str | None = None,
    weight_dtype: str | None = None,
    ideal: bool = False,
) -> Asked:
    """What a profile's workload asks of any slice: mean lengths as they were, or the budgets where
    nothing was run; batches of mean size.

    `weight_dtype` None is the profile's own. Raises ProfileInputError for a workload without
    prompts or without a token thought or answered.
    """
    work = profile.workload
    if work.prompts < 1 or work.attempts < 1 or not work.prompt_tokens:
        raise ProfileInputError(
            f"the profile {profile.name} has an empty workload ({work.prompts} prompts, "
            f"{work.attempts} attempts): profile it with a prompt at least"
        )
    thoughts, answers = _lengths(profile)
    mean = fmean(thoughts)
    batches = math.ceil(work.prompts / max(work.batch, 1))
    return Asked(
        model=NamedShape(profile.model.name, shape_of_facts(profile.model)),
        lengths=Lengths(
            prompts=work.prompts / batches,
            attempts=float(work.attempts),
            prompt_tokens=fmean(work.prompt_tokens),
            think_tokens=mean,
            answer_tokens=max(fmean(answers), 1.0),
        ),
        think_variation=pstdev(thoughts) / mean if mean and len(thoughts) > 1 else 0.0,
        weight_dtype=weight_dtype or profile.model.dtype,
        stack=stack,
        ideal=ideal,
        terms=terms,
    )


def shape_of_facts(facts: ModelFacts) -> ModelShape:
    """The model's shape: the preset's where it is one, else from its sizes, norms left out."""
    known = PRESETS.get(facts.name.lower())
    if known is not None:
        return shape_of(known)
    return Sizes(
        layers=float(facts.layers),
        embed_dim=float(facts.embed_dim),
        query_heads=float(facts.query_heads),
        kv_heads=float(facts.kv_heads),
        head_dim=float(facts.head_dim),
        mlp_dim=float(facts.mlp_dim),
        vocab_size=float(facts.vocab_size),
        tied=facts.tied_embeddings,
    ).shape()


def _lengths(profile: Profile) -> tuple[Sequence[int], Sequence[int]]:
    if profile.outcome is not None and profile.outcome.lengths:
        known = profile.outcome.lengths
        return [each.think_tokens for each in known], [each.answer_tokens for each in known]
    return [profile.workload.think_budget], [profile.workload.answer_budget]
