"""Numbered badges beside arrow tips, moved apart where they would meet."""

import math
from collections.abc import Sequence

from .scale import Linear

Place = tuple[float, float]
_TURNS = 400


def apart(
    tips: Sequence[Place], origin: Place, radius: float, box: tuple[Linear, Linear]
) -> list[Place]:
    """A centre for each tip's badge: beyond it as seen from `origin`, no two nearer than a
    diameter and a little, none over the origin, all inside `box`. The same each time.
    """
    gap = 2 * radius + 2
    places = [_beyond(tip, origin, radius + 5) for tip in tips]
    for _ in range(_TURNS):
        moved = False
        for i in range(len(places)):
            for j in range(i):
                pushed = _pushed(places[j], places[i], gap, i)
                if pushed is not None:
                    places[j], places[i] = pushed
                    moved = True
            away = _pushed(origin, places[i], gap, i)
            if away is not None:
                places[i] = _beyond(places[i], origin, gap - math.dist(places[i], origin))
                moved = True
            places[i] = _inside(places[i], box)
        if not moved:
            break
    return places


def _beyond(tip: Place, origin: Place, by: float) -> Place:
    length = math.dist(tip, origin)
    if not length:
        return tip[0] + by, tip[1]
    return tip[0] + by * (tip[0] - origin[0]) / length, tip[1] + by * (tip[1] - origin[1]) / length


def _pushed(one: Place, two: Place, gap: float, turn: int) -> tuple[Place, Place] | None:
    """Both pushed from each other to `gap`; None where they are that far apart."""
    length = math.dist(one, two)
    if length >= gap - 1e-6:
        return None
    if length < 1e-6:  # in one place: any direction will do, another for each
        across, down = math.cos(2.4 * turn), math.sin(2.4 * turn)
    else:
        across, down = (two[0] - one[0]) / length, (two[1] - one[1]) / length
    half = (gap - length) / 2
    return (
        (one[0] - half * across, one[1] - half * down),
        (two[0] + half * across, two[1] + half * down),
    )


def _inside(place: Place, box: tuple[Linear, Linear]) -> Place:
    x, y = box
    return min(max(place[0], x.start), x.end), min(max(place[1], y.start), y.end)
