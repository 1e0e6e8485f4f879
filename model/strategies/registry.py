"""Strategies by name, as in 'self-consistency:n=16,temperature=1', and their list for --help."""

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from difflib import get_close_matches
from math import isfinite
from types import UnionType
from typing import Any, TypeVar, get_args

from ..config import ModelInputError
from .base import Cached, Strategy
from .beam_search import BeamSearch
from .parallel import AdaptiveConsistency, BestOfN, CotDecoding, SelfConsistency
from .sampling import Direct, Greedy, Sample
from .sequential import BudgetForcing, EarlyStop, Revision
from .speculating import Speculative
from .verifiers import VERIFIERS, Verifier

STRATEGIES: tuple[type[Strategy], ...] = (
    Direct, Greedy, Sample, CotDecoding, SelfConsistency, BestOfN, BeamSearch, Revision,
    BudgetForcing, AdaptiveConsistency, EarlyStop, Speculative,
)  # fmt: skip
"""Every strategy, from the simplest on."""

Choice = TypeVar("Choice")
CACHED = f"{Cached.name}+"


def strategy_summaries() -> dict[str, str]:
    """Name and one line of each strategy, with its settings and their defaults, for --help."""
    summaries = {}
    for kind in STRATEGIES:
        settings = ", ".join(f"{f.name}={_words(f.default)}" for f in fields(kind))
        summaries[kind.name] = kind.summary + (f" ({settings})" if settings else "")
    return summaries | {CACHED: Cached.summary}


def parse_strategy(text: str, verifiers: Mapping[str, Verifier] = VERIFIERS) -> Strategy:
    """The strategy that 'name' or 'name:setting=value,setting=value' describes.

    'cached+' before it puts an answer cache around it. A setting `verifier` is one of the names
    in `verifiers`. Raises ModelInputError naming what is unknown, with near names.
    """
    if text.startswith(CACHED):
        inner = text.removeprefix(CACHED)
        if inner.startswith(CACHED):
            raise ModelInputError(f"'{CACHED}' stands before a strategy once, got '{text}'")
        return Cached(parse_strategy(inner, verifiers))
    name, _, rest = text.partition(":")
    kind = _kind_named(name)
    settings = {field.name: field for field in fields(kind)}
    given: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, _, value = part.partition("=")
        field = _chosen(settings, key, "setting", name)
        if field.name in given:
            raise ModelInputError(f"{name}: the setting '{field.name}' is given twice: keep one")
        given[field.name] = _value(name, field, value.strip(), verifiers)
    return replace(kind(), **given)


def with_verifier(text: str, verifier: str) -> str:
    """`text` with the setting `verifier=...`, where its strategy takes one and none is given.
    Raises ModelInputError for a strategy that is not known."""
    kind = _kind_named(text.removeprefix(CACHED).partition(":")[0])
    takes = any(field.type is Verifier for field in fields(kind))
    if not takes or "verifier=" in text.replace(" ", ""):
        return text
    return f"{text}{',' if ':' in text else ':'}verifier={verifier}"


def settings_of(
    strategy: Strategy, verifiers: Mapping[str, Verifier] = VERIFIERS
) -> dict[str, str | int | float | bool | None]:
    """Every setting of `strategy`, a verifier by its name; those of the strategy that a cache
    asks."""
    names = {id(verifier): name for name, verifier in verifiers.items()}
    return {key: names.get(id(value)) or _plain(value) for key, value in strategy.settings.items()}


def _plain(value: object) -> str | int | float | None:
    assert value is None or isinstance(value, str | int | float), value
    return value


def _kind_named(name: str) -> type[Strategy]:
    return _chosen({kind.name: kind for kind in STRATEGIES}, name, "strategy")


def _chosen(choices: Mapping[str, Choice], name: str, what: str, where: str = "") -> Choice:
    """The one of `choices` called `name`; ModelInputError with near names where there is none."""
    name = name.strip()
    if name in choices:
        return choices[name]
    near = get_close_matches(name, choices, n=2)
    hint = f"choose from {', '.join(choices)}" if choices else "it takes no settings"
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    place = f"{where}: " if where else ""
    raise ModelInputError(f"{place}there is no {what} '{name}': {hint}")


def _value(name: str, field: Field[Any], value: str, verifiers: Mapping[str, Verifier]) -> object:
    if field.type is Verifier:
        return _chosen(verifiers, value, "verifier", name)
    if field.type is str:
        return value
    kinds = get_args(field.type) if isinstance(field.type, UnionType) else (field.type,)
    if value == "none" and type(None) in kinds:
        return None
    try:
        if not value.isascii() or "_" in value:  # digits of other scripts, which Python reads
            raise ValueError
        if bool in kinds:
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
        return int(value) if int in kinds else _finite(value)
    except (ValueError, KeyError):
        wanted = (
            "true or false" if bool in kinds else "a whole number" if int in kinds else "a number"
        )
        raise ModelInputError(f"{name}: {field.name} must be {wanted}, got '{value}'") from None


def _finite(value: str) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError
    return number


def _words(default: object) -> str:
    names = [name for name, verifier in VERIFIERS.items() if verifier == default]
    return names[0] if names else str(default).lower()
