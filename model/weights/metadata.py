"""Typed look-ups in a model's metadata: a missing or ill-typed field is named with its file."""

from collections.abc import Mapping

from ..config import ModelConfig, ModelInputError

MAX_INTEGER = 2**31 - 1  # no size of a model comes near; a larger value is a damaged field


class Fields:
    """The fields of one metadata mapping, read with their types checked.

    `where` is the file, named in every error.
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = values
        self.where = where

    def get(self, key: str) -> object:
        """The raw value; None where the field is missing or null."""
        return self._values.get(key)

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive integer; an error where it is missing and has no default."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_INTEGER:
            raise self._wrong(key, "a positive integer", value)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A positive finite number; an error where it is missing and has no default."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        if not 0 < value < float("inf"):
            raise self._wrong(key, "a positive number", value)
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; an error where it is missing and has no default."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def _value(self, key: str, default: object) -> object:
        value = self._values.get(key)
        if value is None:
            value = default
        if value is None:
            raise ModelInputError(
                f"{self.where} lacks the field '{key}', so the model's shape is unknown: "
                "fetch the file again from its publisher."
            )
        return value

    def _wrong(self, key: str, wanted: str, value: object) -> ModelInputError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return ModelInputError(f"{self.where} has '{key}' = {shown} where {wanted} belongs.")


def checked(config: ModelConfig, where: str) -> ModelConfig:
    """`config` itself, once its head counts fit together; `ModelInputError` names what does not."""
    if config.query_heads % config.kv_heads:
        raise ModelInputError(
            f"{where} has {config.query_heads} query heads, which {config.kv_heads} KV heads "
            "do not divide: the file is damaged or of an unknown kind."
        )
    if config.head_dim % 2:
        raise ModelInputError(
            f"{where} has head width {config.head_dim}; rotary positions need an even one."
        )
    return config
