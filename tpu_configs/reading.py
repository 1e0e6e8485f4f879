"""Chip files in TOML: text to Chip, with one sentence for what is wrong in it."""

import tomllib

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .chip import Chip
from .errors import ChipInputError


def parse_chip(text: str, file: str) -> Chip:
    """Read the TOML `text` of `file` (named in errors).

    Raises ChipInputError where it is not TOML, lacks a key, has a key that is not known, or a
    value that is not of its kind, not above zero or not in its key's unit.
    """
    try:
        return Chip.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ChipInputError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        raise ChipInputError(f"{file}: {sentence(error.errors()[0])}") from None


def sentence(error: ErrorDetails) -> str:
    """'<key> <what is wrong>, expected <what>'; this package's own checks say the latter two."""
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "value_error":
        return f"{key} {error['ctx']['error']}"
    expected = error["msg"].replace("Input should be", "expected")
    return f"{key} is {error['input']!r}, {expected}"
