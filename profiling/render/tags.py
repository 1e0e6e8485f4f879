"""Names inside TensorBoard tags."""

import re


def tag(name: str) -> str:
    """A name with the characters that tags allow; a slash would make a group of its own."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_") or "_"
