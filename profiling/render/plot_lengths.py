"""How long the thoughts were, and what ended them: a stacked histogram."""

from collections import Counter
from collections.abc import Sequence

from ..records import Length, Profile
from . import svg, units
from .facts import mean_thought, stop_label, stop_reasons
from .scale import Linear

WIDTH, HEIGHT = 508, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 58, 44
BINS = 16
KNOWN_REASONS = ("marker", "budget", "end_of_sequence")


def lengths(profile: Profile) -> str:
    """The drawing; empty where nothing was run."""
    outcome = profile.outcome
    if outcome is None or not outcome.lengths:
        return ""
    mean = mean_thought(outcome) or 0.0
    reasons = [reason for reason, _ in stop_reasons(outcome).most_common()]
    highest = max(1, profile.workload.think_budget, *(n.think_tokens for n in outcome.lengths))
    width = -(-(highest + 1) // BINS)  # the longest thought still falls inside the last bin
    stacks = _stacks(outcome.lengths, width)
    x = Linear(0.0, width * BINS, LEFT, WIDTH - RIGHT)
    y = Linear(0.0, max(sum(stack.values()) for stack in stacks), HEIGHT - BOTTOM, TOP)
    ticks = [value for value in y.ticks(3) if value == int(value)]
    body = [
        svg.y_axis(y, LEFT, "", units.count, x.end, ticks),
        *_columns(stacks, reasons, width, x, y),
        svg.x_axis(x, HEIGHT - BOTTOM, "tokens thought", units.count),
        _mark(x(mean), y, f"mean {units.significant(mean)}"),
        _legend(reasons, stop_reasons(outcome)),
    ]
    words = ", ".join(f"{n} {stop_label(r)}" for r, n in stop_reasons(outcome).most_common())
    description = f"{len(outcome.lengths)} attempts, mean {mean:.1f} tokens: {words}."
    return svg.figure("lengths", WIDTH, HEIGHT, "Thought lengths", description, "".join(body))


def _stacks(found: Sequence[Length], width: int) -> list[Counter[str]]:
    """Attempts by stop reason in each bin."""
    stacks: list[Counter[str]] = [Counter() for _ in range(BINS)]
    for length in found:
        stacks[length.think_tokens // width][length.stop_reason] += 1
    return stacks


def _columns(
    stacks: Sequence[Counter[str]], reasons: Sequence[str], width: int, x: Linear, y: Linear
) -> list[str]:
    drawn = []
    for index, stack in enumerate(stacks):
        base, left, right = 0, x(index * width) + 1, x((index + 1) * width) - 1
        for reason in reasons:
            number = stack[reason]
            if number:
                top = y(base + number)
                tooltip = (
                    f"{number} thoughts of {index * width} to {(index + 1) * width - 1} tokens, "
                    f"{stop_label(reason)}"
                )
                height = y(base) - top
                drawn.append(svg.rect(left, top, right - left, height, _class(reason), tooltip))
            base += number
    return drawn


def _class(reason: str) -> str:
    return f"stop-{reason}" if reason in KNOWN_REASONS else "stop-other"


def _mark(x: float, y: Linear, label: str) -> str:
    return svg.line(x, y.end - 8, x, y.start, "mark") + svg.text(
        x, y.end - 13, label, "label", text_anchor="middle"
    )


def _legend(reasons: Sequence[str], found: Counter[str]) -> str:
    drawn, x = [], float(LEFT)
    for reason in reasons:
        label = f"{found[reason]} {stop_label(reason)}"
        drawn.append(svg.rect(x, 3, 10, 10, _class(reason)))
        drawn.append(svg.text(x + 15, 12, label, "label"))
        x += 15 + len(label) * svg.CHARACTER + 14
    return "".join(drawn)
