"""Text of a problem file, with the one sentence that says why it cannot be read."""

from pathlib import Path

from ..errors import ModelInputError


def read_text(path: Path, kind: str) -> str:
    """The UTF-8 text of `path`, a file of `kind`; ModelInputError if there is none to read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    raise ModelInputError(f"cannot read the {kind} file {path}: {reason}")
