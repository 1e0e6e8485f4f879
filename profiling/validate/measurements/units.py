"""Published values in the units that cases have: seconds of pieces."""

from .table import LeftOutError, Row

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Of each unit of time."""


def seconds_each(row: Row, of_token: float, of_step: float) -> float:
    """Seconds that the row's value makes of what its pieces do.

    A rate of tokens is turned over: `of_token` tokens are those that the pieces read or emit.
    A rate of steps, and a time for each step or token, count for `of_step` of them; a latency is
    the pieces' already.

    Raises LeftOutError for a unit that is not known.
    """
    value, unit = row.number("value"), row.text("unit")
    if unit in SECONDS:
        return value * SECONDS[unit]
    if unit in ("ms/tok", "ms/token", "ms/step", "s/tok", "us/tok"):
        return value * SECONDS[unit.partition("/")[0]] * of_step
    if unit == "steps/s":
        return of_step / value
    if unit in ("tok/s", "tokens/s"):
        return of_token / value
    raise LeftOutError(f"the unit '{unit}' of '{row.text('metric')}' is not known")
