"""The cheapest points of an exploration, predicted again with intervals, and their energy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..predicted.calibration import Calibration
from ..records.prediction import ExploredPoint
from .chip_cost_model import PARTS
from .costs import QUERY, logs_of
from .design_point import scaled, summary_or_none, with_lengths
from .exploration_files import FITS, parquet, part_path
from .sweep import Grid, Named, Part, case_of, named_in, parts_of

SHOWN = 8


class Cheapest(NamedTuple):
    """The cheapest point of a part, as its row has it."""

    part: Part
    sequences: float
    design: dict[str, float]  # multiples of the chip's own figures
    usd_per_query: float

    @property
    def tokens(self) -> float:
        """Generated for a query."""
        return self.part.attempts * (self.part.think + self.part.answer)


def best_points(grid: Grid, folder: Path, calibration: Calibration) -> list[ExploredPoint]:
    """The cheapest point per generated token of each part of the dataset in `folder` that fits and
    has a price, the cheapest `SHOWN` of them first."""
    named, parts = named_in(grid), enumerate(parts_of(grid))
    found = [one for n, part in parts if (one := _cheapest(part_path(folder, n), part))]
    found.sort(key=lambda one: one.usd_per_query / one.tokens)
    return [_predicted(one, named, calibration) for one in found[:SHOWN]]


def _cheapest(file: Path, part: Part) -> Cheapest | None:
    wanted = (FITS, "usd_per_query", "sequences", *PARTS)
    table = parquet().read_table(file, columns=list(wanted))
    fits, usd, sequences, *design = (np.asarray(table[name]) for name in wanted)
    usable = fits.astype(bool) & np.isfinite(usd)
    if not usable.any():
        return None
    row = int(np.where(usable, usd, np.inf).argmin())
    factors = {name: float(values[row]) for name, values in zip(PARTS, design, strict=True)}
    return Cheapest(part, float(sequences[row]), factors, float(usd[row]))


def _predicted(found: Cheapest, named: Named, calibration: Calibration) -> ExploredPoint:
    """The point with all draws of the calibration, on the mesh that its row has."""
    part, sequences = found.part, found.sequences
    case = case_of(part, named, calibration)
    together = with_lengths(
        scaled(case.point, found.design, case.costs),
        prompts=max(sequences / part.attempts, 1.0),
        attempts=min(part.attempts, sequences),
    )
    waves = max(part.attempts / sequences, 1.0)
    logs = logs_of(together, case.draws)
    time_s, energy_j, usd = (
        np.exp(np.asarray(each)[QUERY]) * waves for each in (logs.time, logs.energy, logs.usd)
    )
    rent = case.usd_per_second or np.nan
    return ExploredPoint(
        model=part.model,
        slice=case.slice.name,
        weight_dtype=part.weight_dtype,
        kv_dtype=part.kv_dtype,
        prompt_tokens=part.prompt,
        think_tokens=part.think,
        answer_tokens=part.answer,
        attempts=part.attempts,
        sequences=sequences,
        design={name: factor for name, factor in found.design.items() if factor != 1},
        time_s=summary_or_none(time_s),
        energy_j=summary_or_none(energy_j),
        usd_per_million_tokens=summary_or_none(usd * rent * 1e6 / found.tokens),
    )
