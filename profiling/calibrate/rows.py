"""Rows: cases as arrays, one entry each, so that one call predicts all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..predict.calibration import GROUPS
from ..predict.cases import Case
from ..predict.effects import REGIMES, regime_of
from ..predict.energy import SERVER_OVER_CHIPS, design_power_of
from ..predict.hardware import Hardware, hardware_of
from ..predict.work import NOTHING, Work


@dataclass(frozen=True)
class Names:
    """Who has an effect, in the order of the parameters."""

    kinds: tuple[str, ...]
    chips: tuple[str, ...]
    stacks: tuple[str, ...]

    @staticmethod
    def of(cases: Sequence[Case]) -> "Names":
        """Those of `cases`, sorted."""
        return Names(
            kinds=tuple(sorted({case.slice.chip.kind for case in cases})),
            chips=tuple(sorted({case.slice.chip.name for case in cases})),
            stacks=tuple(sorted({case.stack for case in cases})),
        )


@dataclass(frozen=True)
class Rows:
    """N cases of up to M pieces. Chips and stacks are indices into `names`."""

    work: Work  # [N, M]
    steps: np.ndarray  # [N, M]
    hardware: Hardware  # [N, 1]
    narrowing: np.ndarray  # [N, 1]
    kind: np.ndarray  # [N]
    chip: np.ndarray  # [N]
    stack: np.ndarray  # [N]
    regime: np.ndarray  # [N], index into REGIMES
    group: np.ndarray  # [N], index into GROUPS
    chips: np.ndarray  # [N], chips of the slice
    copies: np.ndarray  # [N], chips whose work is alike and adds up
    design_w: np.ndarray  # [N], NaN where unknown
    beside: np.ndarray  # [N], joules measured over the chips' own
    log_observed: np.ndarray  # [N]

    def __len__(self) -> int:
        return len(self.log_observed)


def rows_of(cases: Sequence[Case], names: Names) -> Rows:
    """Arrays of `cases`, all of whose kinds, chips and stacks are in `names`."""
    pieces = max(len(case.pieces) for case in cases)
    works = [_padded([piece.work for piece in case.pieces], pieces) for case in cases]
    hardware = [hardware_of(case.slice.chip, case.matmul_dtype) for case in cases]
    powers = [design_power_of(case.slice.chip) for case in cases]
    return Rows(
        work=Work(*(_table(works, f.name) for f in fields(Work))),
        steps=np.array(
            [[p.steps for p in c.pieces] + [0.0] * (pieces - len(c.pieces)) for c in cases]
        ),
        hardware=Hardware(*(_table([[h] for h in hardware], f.name) for f in fields(Hardware))),
        narrowing=np.array([[case.narrowing] for case in cases]),
        kind=np.array([names.kinds.index(case.slice.chip.kind) for case in cases]),
        chip=np.array([names.chips.index(case.slice.chip.name) for case in cases]),
        stack=np.array([names.stacks.index(case.stack) for case in cases]),
        regime=np.array([REGIMES.index(regime_of(case.stack)) for case in cases]),
        group=np.array([GROUPS.index(case.group) for case in cases]),
        chips=np.array([float(case.slice.chips) for case in cases]),
        copies=np.array([float(case.copies) for case in cases]),
        design_w=np.array([power.watts if power else np.nan for power in powers]),
        beside=np.array([SERVER_OVER_CHIPS if case.scope == "server" else 1.0 for case in cases]),
        log_observed=np.log([case.observed for case in cases]),
    )


def _padded(works: list[Work], length: int) -> list[Work]:
    return works + [NOTHING] * (length - len(works))


def _table(rows: list[list], name: str) -> np.ndarray:
    return np.array([[float(getattr(each, name)) for each in row] for row in rows])
