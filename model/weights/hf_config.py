"""ModelConfig from a Hugging Face config.json, and the typed look-ups that every format's metadata
is read with.

Defaults are those of transformers' configuration classes, for fields that published files omit.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar, get_args

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from ..config import Family, ModelConfig, ModelInputError, RopeScaling

_FAMILIES: dict[str, Family] = {name: name for name in get_args(Family)}

T = TypeVar("T")
_INTEGER = TypeAdapter(Annotated[int, Field(strict=True, gt=0, lt=2**31)])  # or it is damaged
_NUMBER = TypeAdapter(Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)])
_FLAG, _TEXT = TypeAdapter(StrictBool), TypeAdapter(StrictStr)


class Fields:
    """The fields of one metadata mapping, read with their types checked.

    A field that is ill-typed, or missing (or null) without a default, is a ModelInputError that
    names it and `where`, its file.
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = values
        self.where = where

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
        value = self._values.get(key)
        value = default if value is None else value
        if value is None:
            raise ModelInputError(
                f"{self.where} lacks the field '{key}', so the model's shape is unknown: "
                "fetch the file again from its publisher."
            )
        try:
            return kind.validate_python(value)
        except ValidationError as error:
            shown = repr(value)
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            raise ModelInputError(
                f"{self.where} has '{key}' = {shown} where {wanted} belongs."
            ) from error


def unsupported(where: str, what: str, instead: str) -> ModelInputError:
    """The refusal of a variant that this package has no code for."""
    return ModelInputError(f"{where} {what}, which is not supported: {instead}.")


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
    return config


def read_text(path: Path) -> str:
    """The text of `path`, UTF-8; `ModelInputError` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelInputError(
            f"{path.parent} has no {path.name}: pass the folder of a whole model, or a .gguf file."
        ) from error
    except OSError as error:
        raise ModelInputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ModelInputError(f"{path} is not UTF-8 ({error}): fetch the file again.") from error


def read_json(path: Path, optional: bool = False) -> dict[str, object]:
    """The JSON object in `path`, empty if it is `optional` and not there; `ModelInputError` if it
    is missing or not one."""
    if optional and not path.is_file():
        return {}
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ModelInputError(f"{path} is not JSON ({error}): fetch the file again.") from error
    if not isinstance(value, dict):
        raise ModelInputError(f"{path} is not a JSON object: fetch the file again.")
    return value


def hf_config(path: Path) -> ModelConfig:
    """The configuration in the config.json at `path`. Raises ModelInputError for what is not JSON,
    a field missing or ill-typed, or a model that is not supported."""
    fields = Fields(read_json(path), str(path))
    model_type = fields.text("model_type")
    if model_type not in _FAMILIES:
        families = f"{', '.join(_FAMILIES)} are"
        raise unsupported(str(path), f"has model_type '{model_type}'", families)
    family = _FAMILIES[model_type]
    _refuse_variants(fields)
    embed_dim = fields.integer("hidden_size")
    heads = fields.integer("num_attention_heads")
    # Llama 1 and 2 files predate grouped heads; elsewhere a missing count would be a wrong guess.
    kv_heads = fields.integer("num_key_value_heads", heads if family == "llama" else None)
    rope = _rope_fields(fields)
    config = ModelConfig(
        name=path.parent.resolve().name,
        family=family,
        layers=fields.integer("num_hidden_layers"),
        embed_dim=embed_dim,
        query_heads=heads,
        kv_heads=kv_heads,
        head_dim=fields.integer("head_dim", 128 if family == "qwen3" else embed_dim // heads),
        mlp_dim=fields.integer("intermediate_size"),
        vocab_size=fields.integer("vocab_size"),
        context_length=_context_length(fields, family),
        rope_theta=rope.number("rope_theta", 10000.0),
        norm_eps=fields.number("rms_norm_eps", 1e-6),
        tied_embeddings=fields.flag("tie_word_embeddings", False),
        qkv_bias=family == "qwen2",
        qk_norm=family == "qwen3",
        rope_scaling=_rope_scaling(rope),
    )
    return checked(config, str(path))


def _refuse_variants(fields: Fields) -> None:
    for key in ("attention_bias", "mlp_bias"):
        if fields.flag(key, False):
            only = "biases are read on the query, key and value projections of qwen2 only"
            raise unsupported(fields.where, f"sets {key}", only)
    activation = fields.text("hidden_act", "silu")
    if activation not in ("silu", "swish"):
        raise unsupported(fields.where, f"has hidden_act '{activation}'", "silu is")
    if fields.get("quantization_config"):
        raise ModelInputError(
            f"{fields.where} describes quantised weights, which are not read from safetensors: "
            "use the unquantised model, or a GGUF file."
        )


def _context_length(fields: Fields, family: Family) -> int:
    """Positions the model was made for; inside a sliding window attention is the plain one."""
    context = fields.integer("max_position_embeddings")
    windowed = family == "mistral" or fields.flag("use_sliding_window", False)
    return min(context, fields.integer("sliding_window", context)) if windowed else context


def _rope_fields(fields: Fields) -> Fields:
    """The rotary fields in one mapping: `rope_parameters` (transformers 5) or two older keys."""
    merged: dict[str, object] = {"rope_theta": fields.get("rope_theta")}
    for key in ("rope_scaling", "rope_parameters"):
        value = fields.get(key)
        if value is not None and not isinstance(value, dict):
            raise ModelInputError(f"{fields.where} has a '{key}' that is not an object.")
        merged |= value or {}
    nested = Fields(merged, fields.where)
    partial = fields.number("partial_rotary_factor", nested.number("partial_rotary_factor", 1.0))
    if partial != 1.0:
        raise unsupported(fields.where, "rotates part of each head only", "use another model")
    return nested


def _rope_scaling(rope: Fields) -> RopeScaling | None:
    kind = rope.text("rope_type", rope.text("type", "default"))
    if kind == "default":
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
