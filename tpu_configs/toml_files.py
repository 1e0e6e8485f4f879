"""Tables in TOML files, with one sentence for what is wrong in one: which file, which key, and what
was expected.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

Parsed = TypeVar("Parsed")


def read_text(
    path: Path, what: str, error: type[ValueError], expected: str = ": check the path"
) -> str:
    """The text of a user's file; `what` is its kind, 'chip file'.

    Raises `error` for a file that is missing (`expected` ends the sentence) or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"no {what} at {path}{expected}") from None
    except (OSError, UnicodeDecodeError) as reason:
        raise error(f"{path} is not a readable {what}: {reason}") from None


def parse_toml(
    text: str, file: str, build: Callable[[dict], Parsed], error: type[ValueError]
) -> Parsed:
    """What `build`, which validates, makes of the table in `text` of `file`, named in errors.

    Raises `error` for what is not TOML, and for the first key that is wrong.
    """
    try:
        return build(tomllib.loads(text))
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{file} is not TOML: {reason}") from None
    except ValidationError as reason:
        raise error(f"{file}: {sentence(reason.errors()[0])}") from None


def sentence(error: ErrorDetails) -> str:
    """'<key> <what is wrong>, expected <what>'; this package's own checks say the latter two."""
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "value_error":
        return f"{key} {error['ctx']['error']}"
    expected = error["msg"].replace("Input should be", "expected")
    return f"{key} is {error['input']!r}, {expected}"
