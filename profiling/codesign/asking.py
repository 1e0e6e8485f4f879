"""What a co-design analysis is asked for in words: budgets of a chip, names of profiles."""

import re
from collections.abc import Sequence

from ..errors import ProfileInputError
from ..record import Profile
from .searches import Budget, parse_budget

SLICES = ("v5e-16", "v5p-8", "v6e-8", "v7x-4", "h100-8")
BUDGET_NAMES = {"power": "watts", "cost": "usd"}
BUDGET_UNITS = {"area": r"\s*mm(2|²)$", "watts": r"\s*w$", "usd": r"^\$|\s*(\$|usd)$"}


def chip_budget(text: str) -> Budget:
    """A budget with or without its unit: 'area=800mm2', 'power=700W', 'cost=$3000', 'usd=3000'.

    Raises ProfileInputError for anything else.
    """
    name, _, amount = (part.strip().lower() for part in text.partition("="))
    kind = BUDGET_NAMES.get(name, name)
    number = re.sub(BUDGET_UNITS.get(kind, "^$"), "", amount)
    try:
        return parse_budget(f"{kind}={number}")
    except ProfileInputError:
        raise ProfileInputError(
            f"--budget is {text!r}, expected what one chip may take: area=800mm2, power=700W or "
            "cost=3000$"
        ) from None


def apart(profiles: Sequence[Profile]) -> list[Profile]:
    """The profiles under names of their own: a second 'run' becomes 'run (2)'."""
    found: list[Profile] = []
    for profile in profiles:
        name, n = profile.name, 1
        while any(name == each.name for each in found):
            n += 1
            name = f"{profile.name} ({n})"
        found.append(profile.model_copy(update={"name": name}))
    return found
