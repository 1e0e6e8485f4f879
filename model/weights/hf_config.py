"""The typed look-ups that every format's metadata is read with, and what all of them refuse."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from ..architecture import SIZES, Architecture
from ..config import ModelConfig, ModelInputError
from ..input_files import json_value, read_text

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
