"""Which layers of a model are of which kind, by its config.json, and the pattern that they repeat.

Defaults are those of transformers' configuration classes (5.24).
"""

from collections.abc import Sequence

from ..config import ModelInputError
from ..styles import LayerKind
from .hf_config import Fields, unsupported

Pattern = tuple[LayerKind, ...]


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


def patterned(kinds: Sequence[LayerKind]) -> tuple[Pattern, Pattern]:
    """(prefix, pattern) of layers of these kinds: a pattern from the first layer on, or one behind
    the first layers of one kind where that makes fewer stacks."""
    whole = kinds[: _period(kinds)]
    run = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), len(kinds))
    rest = kinds[run:]
    behind = rest[: _period(rest)]
    if rest and 1 + len(behind) < len(whole):
        return tuple(kinds[:run]), tuple(behind)
    return (), tuple(whole)


def _period(kinds: Sequence[LayerKind]) -> int:
    """After how many of `kinds` they come again (Knuth, Morris & Pratt 1977: their number less the
    longest beginning that is an end too)."""
    borders = [0] * len(kinds)
    for i in range(1, len(kinds)):
        border = borders[i - 1]
        while border and kinds[i] != kinds[border]:
            border = borders[border - 1]
        borders[i] = border + (kinds[i] == kinds[border])
    return len(kinds) - borders[-1] if kinds else 0
