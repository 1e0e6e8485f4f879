"""What follows from all cells of an evaluation: frontiers, and the compute-optimal choice."""

from typing import Literal

from pydantic import Field

from .base import Record

CostKind = Literal["flops", "usd"]


class Option(Record):
    """A way to answer: its accuracy, and its cost a query."""

    label: str
    cost: float
    accuracy: float
    low: float
    high: float
    on_frontier: bool = Field(description="nothing as cheap or cheaper is more accurate")
    points_per_cost: float | None = Field(
        description="accuracy gained over the frontier's last, in points, by its further cost"
    )


class Frontier(Record):
    """All options by one kind of cost, cheapest first."""

    kind: CostKind
    slice: str | None = Field(description="of the money; None: counted")
    options: list[Option]


class OptimalPoint(Record):
    """The compute-optimal choice at one budget of FLOPs a query."""

    budget_flops: float
    flops: float = Field(description="spent a query, on problems that the choice never saw")
    accuracy: float = Field(description="on problems that the choice never saw")
    chosen: dict[str, list[str]] = Field(description="options by level, those of each fold")


class Baseline(Record):
    """Best of N, the same for every problem."""

    label: str
    flops: float
    accuracy: float
    reached_flops: float | None = Field(
        description="the least at which the compute-optimal choice is as accurate; None: never"
    )

    @property
    def times_less(self) -> float | None:
        """How much less compute the choice needs for the same accuracy."""
        return self.flops / self.reached_flops if self.reached_flops else None


class Optimal(Record):
    """Compute-optimal choice of an option for each level (Snell et al. 2024, arXiv 2408.03314,
    section 3): chosen on one half of the problems and reported on the other, both ways round."""

    difficulty: str = Field(description="what the levels are")
    points: list[OptimalPoint]
    baselines: list[Baseline]
    said: str = Field(description="what was reached against best of N, in a sentence")
