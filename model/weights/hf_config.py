"""ModelConfig from a Hugging Face config.json, and the typed look-ups that every format's metadata
is read with.

Defaults are those of transformers' configuration classes, for fields that published files omit.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar, get_args

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from ..architecture import SIZES, Architecture
from ..config import Family, ModelConfig, ModelInputError, RopeScaling
from ..input_files import json_value, read_text

QUANTISED_KEYS = ("quantization_config", "compression_config")
"""Fields of a config.json that say how weights are quantised, the older one last."""
FAMILIES: dict[str, Family] = {name: name for name in get_args(Family)}

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
    if config.head_dim % 2:
        raise unsupported(where, f"has head width {config.head_dim}", "rotation needs an even one")
    require_size(config, where)
    return config


def model_name(*texts: str) -> str:
    """The first of `texts` that is a name, without what means something in a path, a terminal or
    Markdown: names of models name folders too."""
    names = (re.sub(r"[^\w .+-]+", "-", text)[:80].strip(" .-") for text in texts)
    return next(filter(None, names), "model")


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


def hf_config(path: Path) -> ModelConfig:
    """The configuration in the config.json at `path`. Raises ModelInputError for what is not JSON,
    a field missing or ill-typed, or a model that is not supported."""
    fields = Fields(read_json(path), str(path))
    model_type = fields.text("model_type")
    if model_type not in FAMILIES:
        families = f"{', '.join(FAMILIES)} are; `rooflink predict` tells the cost of more"
        raise unsupported(str(path), f"has model_type '{model_type}'", families)
    _refuse_variants(fields, FAMILIES[model_type])
    config = family_config(fields, model_name(path.parent.resolve().name))
    return replace(config, rope_scaling=_rope_scaling(_rope_fields(fields)))


def family_config(fields: Fields, name: str) -> ModelConfig:
    """The model that `fields` describe, of one of `FAMILIES`, by its shape alone: how it is stored
    and how its positions are scaled is left out."""
    family = FAMILIES[fields.text("model_type")]
    embed_dim, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    layers, context = fields.integer("num_hidden_layers"), family_context(fields, family)
    window, windowed_layers = family_window(fields, family, layers)
    config = ModelConfig(
        name=name,
        family=family,
        layers=layers,
        embed_dim=embed_dim,
        query_heads=heads,
        kv_heads=_kv_heads(fields, family, heads),
        head_dim=fields.integer("head_dim", 128 if family == "qwen3" else embed_dim // heads),
        mlp_dim=fields.integer("intermediate_size"),
        vocab_size=fields.integer("vocab_size"),
        # Inside a sliding window attention is the plain one.
        context_length=min(context, window) if windowed_layers else context,
        rope_theta=_rope_fields(fields).number("rope_theta", 10000.0),
        norm_eps=fields.number("rms_norm_eps", 1e-6),
        tied_embeddings=fields.flag("tie_word_embeddings", False),
        qkv_bias=family == "qwen2",
        qk_norm=family == "qwen3",
    )
    return checked(config, fields.where)


def family_context(fields: Fields, family: Family) -> int:
    """Positions that the model was made for."""
    usual = {"llama": 2048, "mistral": 131072, "qwen2": 32768, "qwen3": 32768}[family]
    return fields.integer("max_position_embeddings", usual)


def _kv_heads(fields: Fields, family: Family, heads: int) -> int:
    """Llama 1 and 2 files predate grouped heads; null says that there are none elsewhere too."""
    usual = {"llama": heads, "mistral": 8, "qwen2": 32, "qwen3": 32}[family]
    return fields.integer(
        "num_key_value_heads", heads if "num_key_value_heads" in fields else usual
    )


def family_window(fields: Fields, family: Family, layers: int) -> tuple[int, int]:
    """(positions that a windowed layer attends to, how many of the layers have that window)."""
    if family == "llama" or ("sliding_window" in fields and fields.get("sliding_window") is None):
        return 1, 0
    if family == "mistral":
        return fields.integer("sliding_window", 4096), layers
    if not fields.flag("use_sliding_window", False):
        return 1, 0
    window = fields.integer("sliding_window", 4096)
    if fields.get("layer_types") is not None:
        return window, windowed_types(fields, layers)
    first = fields.get("max_window_layers") if "max_window_layers" in fields else 28
    if type(first) is not int or first < 0:
        raise ModelInputError(
            f"{fields.where} has 'max_window_layers' = {first!r}, no whole number."
        )
    return window, max(layers - first, 0)


def windowed_types(fields: Fields, layers: int) -> int:
    """How many of the `layer_types` attend to a window; ModelInputError for a kind that is not
    attention, or another number of them than layers."""
    types = fields.get("layer_types")
    if not isinstance(types, list) or len(types) != layers:
        raise ModelInputError(
            f"{fields.where} has 'layer_types' that are no list of its {layers} layers."
        )
    windowed = [kind in ("sliding_attention", "chunked_attention") for kind in types]
    for kind, has_window in zip(types, windowed, strict=True):
        if not has_window and kind != "full_attention":
            raise unsupported(fields.where, f"has a layer of type {kind!r}", "attention is")
    return sum(windowed)


def _refuse_variants(fields: Fields, family: Family) -> None:
    """Of qwen2, transformers itself passes over flags of biases."""
    for key in () if family == "qwen2" else ("attention_bias", "mlp_bias"):
        if fields.flag(key, False):
            only = "biases are read on the query, key and value projections of qwen2 only"
            raise unsupported(fields.where, f"sets {key}", only)
    activation = fields.text("hidden_act", "silu")
    if activation not in ("silu", "swish"):
        raise unsupported(fields.where, f"has hidden_act '{activation}'", "silu is")
    rope = _rope_fields(fields)
    if rope.number("partial_rotary_factor", fields.number("partial_rotary_factor", 1.0)) != 1.0:
        raise unsupported(fields.where, "rotates part of each head only", "use another model")


def _rope_fields(fields: Fields) -> Fields:
    """The rotary fields in one mapping: `rope_parameters` (transformers 5) or two older keys."""
    merged: dict[str, object] = {"rope_theta": fields.get("rope_theta")}
    for key in ("rope_scaling", "rope_parameters"):
        value = fields.get(key)
        if value is not None and not isinstance(value, dict):
            raise ModelInputError(f"{fields.where} has a '{key}' that is not an object.")
        merged |= value or {}
    return Fields(merged, fields.where)


def _rope_scaling(rope: Fields) -> RopeScaling | None:
    kind = rope.text("rope_type", rope.text("type", "default"))
    if kind == "default" or (kind == "linear" and rope.get("factor") == 1):
        return None
    if kind != "llama3":
        what = f"scales its rotary frequencies by the rule '{kind}'"
        raise unsupported(rope.where, what, "use the model without that context extension")
    return RopeScaling(
        factor=rope.number("factor"),
        low_freq_factor=rope.number("low_freq_factor"),
        high_freq_factor=rope.number("high_freq_factor"),
        original_context=rope.integer("original_max_position_embeddings"),
    )
