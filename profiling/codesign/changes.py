"""Changes: what a what-if asks for, 'hbm_bandwidth=2x,kv_dtype=int8', read."""

import math
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import ProfileInputError
from ..predict.load import DTYPE_WIDTH_BYTES
from .parameters import NAMES, ON_CHIP, TILE

ALIASES = {
    "flops": "matrix_flops",
    "matmul_flops": "matrix_flops",
    "memory_bandwidth": "hbm_bandwidth",
    "memory_bytes": "hbm_capacity",
    "on_chip_bytes": ON_CHIP,
    "tile": TILE,
}
NUMBERS = (
    "layers", "kv_heads", "mlp", "window", "prompt", "think", "answer", "attempts", "batch",
    "early_exit", "experts_active", "draft_tokens", "acceptance", "draft_cost",
)  # fmt: skip
DTYPES = ("weight_dtype", "kv_dtype")


@dataclass(frozen=True)
class Change:
    """One change as it was asked: a factor, a figure, or a word."""

    name: str
    text: str
    factor: float | None = None  # of what is there
    number: float | None = None  # instead of what is there
    word: str | None = None


def parse_what_if(text: str) -> list[Change]:
    """The changes in `text`: NAME=2x a factor, NAME=4 a figure, DTYPE NAME=int8.

    Raises ProfileInputError for an unknown name (near ones are given), one named twice, and a
    value that is none.
    """
    changes: list[Change] = []
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (piece.strip().lower() for piece in part.partition("="))
        name = ALIASES.get(name.replace("-", "_"), name.replace("-", "_"))
        if not equals or not value:
            raise ProfileInputError(
                f"--what-if has {part!r}, expected changes such as hbm_bandwidth=2x,kv_dtype=int8"
            )
        if any(name == each.name for each in changes):
            raise ProfileInputError(f"--what-if changes {name} twice: say it once")
        changes.append(_change(name, value))
    return changes


def _change(name: str, value: str) -> Change:
    text = f"{name}={value}"
    if name in DTYPES:
        if value not in DTYPE_WIDTH_BYTES:
            near = ", ".join(get_close_matches(value, DTYPE_WIDTH_BYTES, n=3) or DTYPE_WIDTH_BYTES)
            raise ProfileInputError(f"--what-if has {text!r}: expected a dtype such as {near}")
        return Change(name, text, word=value)
    if name not in (*NAMES, *NUMBERS):
        every = (*NAMES, *ALIASES, *NUMBERS, *DTYPES)
        near = ", ".join(get_close_matches(name, every, n=3, cutoff=0.5) or every)
        raise ProfileInputError(f"--what-if changes an unknown {name!r}: expected {near}")
    try:
        number = float(value.removesuffix("x"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ProfileInputError(
            f"--what-if has {text!r}: expected a factor such as 2x, or a figure above zero"
        )
    return Change(name, text, factor=number) if value.endswith("x") else Change(
        name, text, number=number
    )  # fmt: skip
