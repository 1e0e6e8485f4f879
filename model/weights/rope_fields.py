"""What a config.json says of rotary positions: how fast they turn, how much of a head, and how that
is scaled for long contexts.

Defaults are those of transformers' `modeling_rope_utils` (5.24).
"""

import math

from ..config import ModelInputError
from ..styles import LinearScaling, ListedScaling, Llama3Scaling, RopeScaling, YarnScaling
from .hf_config import Fields, unsupported

KEYS = ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings")
_OF_LAYERS = ("full_attention", "sliding_attention")


def rope_fields(fields: Fields, layers: str = "full_attention") -> Fields:
    """The rotary fields in one mapping: `rope_parameters` (transformers 5) or older keys. Of the
    named `layers` where the file has them by kind of layer, as Gemma 3's."""
    merged: dict[str, object] = {key: fields.get(key) for key in KEYS if key in fields}
    for key in ("rope_scaling", "rope_parameters"):
        value = fields.get(key)
        if value is not None and not isinstance(value, dict):
            raise ModelInputError(f"{fields.where} has a '{key}' that is not an object.")
        inner = (value or {}).get(layers, {} if set(value or {}) & set(_OF_LAYERS) else value)
        merged |= inner if isinstance(inner, dict) else {}
    return Fields(merged, fields.where)


def rope_scaling(rope: Fields, context: int) -> RopeScaling | None:
    """How frequencies are scaled; None where they are not, within the model's `context`."""
    kind = rope.text("rope_type", rope.text("type", "default"))
    match kind:
        case "default" | "dynamic":  # dynamic scaling begins behind the context
            return None
        case "linear":
            factor = rope.number("factor")
            return None if factor == 1 else LinearScaling(factor)
        case "yarn":
            return _yarn(rope, context)
        case "longrope" | "su":
            return _listed(rope, context)
        case "llama3":
            return Llama3Scaling(
                factor=rope.number("factor"),
                low_freq_factor=rope.number("low_freq_factor"),
                high_freq_factor=rope.number("high_freq_factor"),
                original_context=rope.integer("original_max_position_embeddings"),
            )
    what = f"scales its rotary frequencies by the rule '{kind}'"
    raise unsupported(rope.where, what, "llama3, linear, dynamic, yarn and longrope are")


def _yarn(rope: Fields, context: int) -> YarnScaling:
    factor = rope.number("factor")

    def magnitude(scale: float) -> float:
        return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0

    implied = magnitude(1.0)
    if rope.get("mscale") and rope.get("mscale_all_dim"):
        implied = magnitude(rope.number("mscale")) / magnitude(rope.number("mscale_all_dim"))
    return YarnScaling(
        yarn_factor=factor,
        original_context=rope.integer("original_max_position_embeddings", context),
        attention_factor=rope.number("attention_factor", implied),
        beta_fast=rope.number("beta_fast", 32.0),
        beta_slow=rope.number("beta_slow", 1.0),
        whole=rope.flag("truncate", True),
    )


def _listed(rope: Fields, context: int) -> ListedScaling:
    """LongRoPE within the original context, in which the short list is the one that holds."""
    original = rope.integer("original_max_position_embeddings", context)
    factor = rope.number("factor", context / original)
    implied = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    listed = rope.get("short_factor")
    if not isinstance(listed, list) or not all(
        isinstance(each, int | float) and each > 0 for each in listed
    ):
        raise ModelInputError(f"{rope.where} has a 'short_factor' that is no list of numbers.")
    factors = tuple(float(each) for each in listed)
    return ListedScaling(factors, rope.number("attention_factor", implied))


def scaled_context(rope: Fields, context: int) -> int:
    """The positions that one table of frequencies is for: of LongRoPE the original context."""
    if rope.text("rope_type", rope.text("type", "default")) not in ("longrope", "su"):
        return context
    return min(context, rope.integer("original_max_position_embeddings", context))
