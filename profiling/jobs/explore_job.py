"""ExploreJob: large sweeps to Parquet, which go on where they were stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..backend import choose_backend
from ..errors import ProfileInputError, Watcher
from ..names import slices_named
from .job import Names, NumberList, WrittenJob, option

if TYPE_CHECKING:
    from ..co_design.sweep import Grid
    from ..records.prediction import ExploredPoint


@dataclass(frozen=True)
class Exploration:
    """A dataset, and what is in it."""

    folder: Path
    points: int
    parts: int
    there_before: int  # parts that an earlier call wrote
    left_out: list[str]  # reasons for the parts without rows, each once
    cautions: list[str]  # what the names of slices count
    best: "list[ExploredPoint]"  # the cheapest, with intervals


def _numbers(help: str) -> NumberList | None:
    return option(None, help, commas=True, metavar="N,N")


def _multiples(of: str) -> NumberList | None:
    return option(None, f"Multiples of {of}.", commas=True, metavar="F,F")


class ExploreJob(WrittenJob):
    """Sweep chips, dtypes, workloads and batches into a Parquet dataset.

    Each axis has its values in a .toml file or in its option; all combinations are computed.
    Needs pyarrow: pip install 'rooflink[explore]'. A sweep that was stopped goes on when the same
    command is given again, and comes to the same files.
    """

    writes: ClassVar = ("_exploration.json", "part-*.parquet")
    own: ClassVar = {"_exploration.json": '"rooflink.exploration/'}
    renamed: ClassVar = {"weight_dtypes": "dtypes"}

    grid: Path | None = option(None, "Axes and their values.", argument="[GRID.toml]")
    models: Names | None = option(None, "As `predict` takes them; may be repeated.", "--model")
    slices: Names | None = option(None, "v5e-16, h100-8; may be repeated.", "--slice")
    dtypes: Names | None = option(None, "Weights; may be repeated  [default: bfloat16]", "--dtype")
    kv_dtypes: Names | None = option(
        None, "KV cache; may be repeated  [default: bfloat16]", "--kv-dtype"
    )
    prompt: NumberList | None = _numbers("Tokens of a prompt  [default: 512]")
    think: NumberList | None = _numbers("Tokens of a thought  [default: 2048]")
    answer: NumberList | None = _numbers("Tokens of an answer  [default: 256]")
    attempts: NumberList | None = _numbers("Attempts at each prompt  [default: 1]")
    sequences: NumberList | None = _numbers(
        "Attempts that run together  [default: every power of two to 4096]"
    )
    matrix_flops: NumberList | None = _multiples("the chip's matrix FLOP/s")
    hbm_bandwidth: NumberList | None = _multiples("its HBM bandwidth")
    hbm_capacity: NumberList | None = _multiples("its HBM capacity")
    on_chip_capacity: NumberList | None = _multiples("its on-chip memory")
    link_bandwidth: NumberList | None = _multiples("its links' bandwidth")

    def default_out(self) -> Path:
        """One folder, so that the same command goes on."""
        return Path("runs/exploration")

    def run(self, watcher: Watcher, command: str = "python") -> Exploration:
        """Compute and write the parts that the folder lacks. Raises ModelInputError,
        ChipInputError or ProfileInputError."""
        from ..co_design.best_points import best_points
        from ..co_design.sweep import explore
        from ..predicted.calibration import default_calibration

        choose_backend()
        if self.out is None:
            raise ProfileInputError("a sweep needs a folder for its dataset: name one with --out")
        axes = self.axes()
        calibration = default_calibration()
        found = explore(axes, self.out, calibration, watcher)
        watcher.stage("Predicting the cheapest points again, with intervals")
        best = best_points(axes, self.out, calibration)
        cautions = [one.caution for one in slices_named(axes.slices) if one.caution]
        before = found.there_before
        return Exploration(
            self.out, axes.points, found.parts, before, found.reasons, cautions, best
        )

    def kept(self) -> str:
        """The parts that are there."""
        parts = len(list(self.out.glob("part-*.parquet"))) if self.out else 0
        if not parts:
            return "nothing was written"
        return f"{parts} parts are in {self.out}; give the same command again to go on"

    def axes(self) -> "Grid":
        """The file's axes with the options in their place."""
        from ..co_design.sweep import load_grid

        values = self.model_dump(exclude={"grid", "out", "force"}, exclude_none=True)
        options = {_AXES.get(name, name): list(each) for name, each in values.items()}
        return load_grid(self.grid, options)


_AXES = {"dtypes": "weight_dtypes"}  # as a grid's file has them
