"""Hatching of a map's cells, and their runs along a row."""


def strokes(left: float, right: float, top: float, bottom: float, slope: int, step: float) -> str:
    """Slanted lines through a rectangle that continue into the next: x - slope * y = n * step."""
    drawn, ends = "", sorted((left - slope * top, left - slope * bottom, right - slope * top,
                              right - slope * bottom))  # fmt: skip
    n = -(-ends[0] // step)
    while n * step < ends[-1]:
        offset = n * step
        at_top, at_bottom = offset + slope * top, offset + slope * bottom
        low, high = sorted((at_top, at_bottom))
        low, high = max(low, left), min(high, right)
        if low < high:
            y_low, y_high = (low - offset) / slope, (high - offset) / slope
            drawn += f"M{low:.1f},{y_low:.1f}L{high:.1f},{y_high:.1f}"
        n += 1
    return drawn


def runs(row: int, cells: list[str], name: str) -> list[tuple[int, int, int]]:
    """(row, first column, column after the last) of each run of `name`."""
    found, start = [], None
    for column, cell in enumerate([*cells, None]):
        if cell == name and start is None:
            start = column
        elif cell != name and start is not None:
            found.append((row, start, column))
            start = None
    return found
