"""The typed look-ups that every format's metadata is read with, what all of them refuse, and what
a config.json says of rotary positions and of which layers have a window.

Defaults are those of transformers' `modeling_rope_utils` (5.24).
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from ..architecture import SIZES, Architecture
from ..config import ModelConfig, ModelInputError
from ..input_files import json_value, read_text
from ..styles import LinearScaling, ListedScaling, Llama3Scaling, RopeScaling, YarnScaling

QUANTISED_KEYS = ("quantization_config", "compression_config")
"""Fields of a config.json that say how weights are quantised, the older one last."""

T = TypeVar("T")
_INTEGER = TypeAdapter(Annotated[int, Field(strict=True, gt=0, le=10**9)])  # or it is damaged
_NUMBER = TypeAdapter(Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)])
_FLAG, _TEXT = TypeAdapter(StrictBool), TypeAdapter(StrictStr)


class Fields:
    """The fields of one metadata mapping, read with their types checked.

    A field that is ill-typed, or missing (or null) without a default, is a ModelInputError that
    names it and `where`, its file; by what `names` calls it there, and with what to do `instead`.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        where: str,
        names: Mapping[str, str] | None = None,
        instead: str = "fetch the file again from its publisher",
    ) -> None:
        self._values = values
        self.where = where
        self._names = names or {}
        self._instead = instead

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> object:
        """The raw value; None where the field is missing or null."""
        return self._values.get(key)

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive integer."""
        return self._read(key, _INTEGER, default, "a positive integer")

    def number(self, key: str, default: float | None = None) -> float:
        """A positive finite number."""
        return self._read(key, _NUMBER, default, "a positive number")

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return self._read(key, _FLAG, default, "true or false")

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        return self._read(key, _TEXT, default, "a string")

    def _read(self, key: str, kind: TypeAdapter[T], default: T | None, wanted: str) -> T:
        value, name = self._values.get(key), self._names.get(key, key)
        value = default if value is None else value
        if value is None:
            raise ModelInputError(
                f"{self.where} lacks the field '{name}', so the model's shape is unknown: "
                f"{self._instead}."
            )
        try:
            return kind.validate_python(value)
        except ValidationError as error:
            shown = repr(value)
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            raise ModelInputError(
                f"{self.where} has '{name}' = {shown} where {wanted} belongs."
            ) from error


def count_of(described: Fields, key: str, default: int) -> int:
    """A whole number, which may be 0."""
    if described.get(key) == 0 or (described.get(key) is None and not default):
        return 0
    return described.integer(key, default or None)


def mtp_layers(described: Fields) -> int:
    """Layers that predict later tokens, by whatever name a publisher gives them."""
    names = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
    return next((count_of(described, name, 0) for name in names if described.get(name)), 0)


def unsupported(where: str, what: str, instead: str) -> ModelInputError:
    """The refusal of a variant that this package has no code for."""
    return ModelInputError(f"{where} {what}, which is not supported: {instead}.")


MOST_LAYERS, MOST_SIZE, MOST_PARAMETERS = 10_000, 10**8, 10**15
"""Of a model: hundreds of times the largest published, and few enough to work with."""


def require_size(model: Architecture, where: str) -> None:
    """Raise ModelInputError for sizes that no model has, before anything is made of them."""
    for size in SIZES:
        value, most = getattr(model, size), MOST_LAYERS if size == "layers" else MOST_SIZE
        if not isinstance(value, str | None) and value > most:
            raise unsupported(where, f"has {size} {value:,}", f"{most:,} is the most")
    if model.parameters > MOST_PARAMETERS:
        what = f"describes {model.parameters:.3g} parameters"
        raise unsupported(where, what, f"{MOST_PARAMETERS:.0e} are the most")


def checked(config: ModelConfig, where: str) -> ModelConfig:
    """`config` itself, once its head counts fit together; `ModelInputError` names what does not."""
    heads, kv_heads = config.query_heads, config.kv_heads
    if heads % kv_heads:
        raise ModelInputError(
            f"{where} has {heads} query heads, which {kv_heads} KV heads do not divide: the file "
            "is damaged or of an unknown kind."
        )
    width = config.rotated_dim or config.head_dim
    if width % 2:
        raise unsupported(where, f"has head width {width}", "rotation needs an even one")
    rotated = config.rotary_dim or 2
    if rotated % 2 or not 0 < rotated <= config.head_dim:
        what = f"rotates {rotated} of a head's {config.head_dim} dimensions"
        raise unsupported(where, what, "an even number of them can be")
    require_size(config, where)
    return config


def model_name(*texts: str) -> str:
    """The first of `texts` that is a name, without what means something in a path, a terminal or
    Markdown: names of models name folders too."""
    names = (re.sub(r"[^\w .+-]+", "-", text)[:80].strip(" .-") for text in texts)
    return next(filter(None, names), "model")


def fields_of(path: Path) -> Fields:
    """The fields of the config.json at `path`. Raises ModelInputError for what is not one."""
    return Fields(read_json(path), str(path))


def read_json(path: Path, optional: bool = False) -> dict[str, object]:
    """The JSON object in `path`, empty if it is `optional` and not there; `ModelInputError` if it
    is missing or not one."""
    if optional and not path.exists():
        return {}
    missing = "pass the folder of a whole model, or a .gguf file."
    value = json_value(read_text(path, path.name, missing=missing), str(path))
    if not isinstance(value, dict):
        raise ModelInputError(f"{path} is not a JSON object: fetch the file again.")
    return value


_ROPE_KEYS = ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings")
_OF_LAYERS = ("full_attention", "sliding_attention")


def rope_fields(fields: Fields, layers: str = "full_attention") -> Fields:
    """The rotary fields in one mapping: `rope_parameters` (transformers 5) or older keys. Of the
    named `layers` where the file has them by kind of layer, as Gemma 3's."""
    merged: dict[str, object] = {key: fields.get(key) for key in _ROPE_KEYS if key in fields}
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


def _magnitude(factor: float, scale: float) -> float:
    """Of yarn: what attention grows by where frequencies are divided by `factor`."""
    return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0


def scaled_attention(rope: Fields, width: int) -> float | None:
    """What scores of keys so wide are multiplied by, where yarn says (`mscale_all_dim`, DeepSeek);
    None for the root of the width alone."""
    kind = rope.text("rope_type", rope.text("type", "default"))
    if kind == "default" or not rope.get("mscale_all_dim"):
        return None
    grown = _magnitude(rope.number("factor"), rope.number("mscale_all_dim"))
    return float(width**-0.5 * grown**2)


def _yarn(rope: Fields, context: int) -> YarnScaling:
    factor = rope.number("factor")
    implied = _magnitude(factor, 1.0)
    if rope.get("mscale") and rope.get("mscale_all_dim"):
        both = (rope.number(name) for name in ("mscale", "mscale_all_dim"))
        above, below = (_magnitude(factor, scale) for scale in both)
        implied = above / below
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


def windowed_types(fields: Fields, layers: int) -> list[bool]:
    """For each of the `layer_types`, whether it attends to a window; ModelInputError for a kind
    that is not attention, or another number of them than layers."""
    types = fields.get("layer_types")
    if not isinstance(types, list) or len(types) != layers:
        raise ModelInputError(
            f"{fields.where} has 'layer_types' that are no list of its {layers} layers."
        )
    windowed = [kind in ("sliding_attention", "chunked_attention") for kind in types]
    for kind, has_window in zip(types, windowed, strict=True):
        if not has_window and kind != "full_attention":
            raise unsupported(fields.where, f"has a layer of type {kind!r}", "attention is")
    return windowed


def full_layers(fields: Fields, layers: int, usual: int) -> list[bool]:
    """For each layer whether it attends to a window: all but each `usual`-th, or as the file
    says."""
    if fields.get("layer_types") is not None:
        return windowed_types(fields, layers)
    every = fields.integer("sliding_window_pattern", usual)
    return [(layer + 1) % every != 0 for layer in range(layers)]


def last_layers(fields: Fields, layers: int) -> list[bool]:
    """The same for Qwen, whose windows are switched on for all but the first so many layers."""
    if not fields.flag("use_sliding_window", False):
        return [False] * layers
    if fields.get("layer_types") is not None:
        return windowed_types(fields, layers)
    first = fields.get("max_window_layers") if "max_window_layers" in fields else 28
    if type(first) is not int or first < 0:
        raise ModelInputError(
            f"{fields.where} has 'max_window_layers' = {first!r}, no whole number."
        )
    return [layer >= first for layer in range(layers)]


def rotating_layers(fields: Fields, layers: int) -> list[bool]:
    """Whether each layer has rotary positions (SmolLM3: all but every fourth)."""
    listed = fields.get("no_rope_layers")
    if listed is None:
        every = fields.integer("no_rope_layer_interval", 4)
        return [(layer + 1) % every != 0 for layer in range(layers)]
    if not isinstance(listed, list) or len(listed) < layers or set(listed) - {0, 1}:
        raise ModelInputError(
            f"{fields.where} has 'no_rope_layers' that are no 0 or 1 for each of {layers} layers."
        )
    return [bool(rotates) for rotates in listed[:layers]]
