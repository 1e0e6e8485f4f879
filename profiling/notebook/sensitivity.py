"""What holds the time on each chip: the share of each resource, as bars."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..board.places import Place, floors, predicted
from ..errors import ProfileInputError
from ..predicted.phase_terms import NAMES, RESOURCES, whole_elasticities
from ..records import Profile
from ..render import units
from .picture import Picture

COLOURS = {
    "compute": "#2f66b0",
    "memory": "#cc5a1a",
    "on_chip": "#7d4aa8",
    "links": "#0d8a86",
    "overhead": "#b3b0a8",
}
_LEAST_NAMED = 0.06  # narrower bars have no room for a number


def shares(profile: Profile) -> dict[str, dict[str, float]]:
    """Place -> resource -> -d log(time) / d log(rate), all phases together.

    Of the predictions where the profile has any, else of the floors at datasheet peak. 1 % more of
    a resource takes its share in per cent off the time.
    """
    return {place.name: _of_place(place) for place in _places(profile)}


def sensitivity(profile: Profile) -> Picture:
    """The shares as one bar for each place.

    Raises ProfileInputError where the profile names no chip.
    """
    found = shares(profile)
    if not found:
        raise ProfileInputError("the profile names no chip: profile with chips=['v5e']")
    figure = Figure(figsize=(9, 1.3 + 0.42 * len(found)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    left = [0.0] * len(found)
    for resource in RESOURCES:
        widths = [each[resource] for each in found.values()]
        if not any(width > 0.001 for width in widths):
            continue
        label = NAMES.get(resource, resource)
        bars = axes.barh(
            list(found), widths, left=left, height=0.62, color=COLOURS[resource], label=label
        )
        said = [units.share(width) if width > _LEAST_NAMED else "" for width in widths]
        axes.bar_label(bars, said, label_type="center", color="white", fontsize=9)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    lens = "predicted" if profile.predictions else "at datasheet peak"
    axes.set_title(f"Share of the time that each resource holds, {lens}", fontsize=10, loc="left")
    axes.legend(
        ncols=len(RESOURCES), frameon=False, loc="upper left", bbox_to_anchor=(0, 0), fontsize=9
    )
    return Picture(figure, _said(found))


def _places(profile: Profile) -> Sequence[Place]:
    return predicted(profile) or floors(profile)


def _of_place(place: Place) -> dict[str, float]:
    return whole_elasticities(phase.terms for phase in place.phases)


def _said(found: dict[str, dict[str, float]]) -> str:
    held = {place: max(RESOURCES, key=each.__getitem__) for place, each in found.items()}
    most = [f"{place}: {NAMES.get(r, r)} {units.share(found[place][r])}"
            for place, r in held.items()]  # fmt: skip
    return f"What holds most of the time. {'; '.join(most)}"
