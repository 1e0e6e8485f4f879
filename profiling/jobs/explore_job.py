"""ExploreJob: large sweeps to Parquet, which go on where they were stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..backend import choose_backend
from ..errors import InterruptedRunError, ProfileInputError
from ..progress import Watcher
from .job import Names, NumberList, Option, WrittenJob

if TYPE_CHECKING:
    from ..co_design.sweep import Grid


@dataclass(frozen=True)
class Exploration:
    """A dataset, and what is in it."""

    folder: Path
    points: int
    parts: int
    there_before: int  # parts that an earlier call wrote
    left_out: list[str]  # reasons for the parts without rows, each once


class ExploreJob(WrittenJob):
    """Sweep chips, dtypes, workloads and batches into a Parquet dataset.

    Each axis has its values in a .toml file or in its option; all combinations are computed.
    Needs pyarrow: pip install 'rooflink[explore]'. A sweep that was stopped goes on when the same
    command is given again, and comes to the same files.
    """

    renamed: ClassVar = {"weight_dtypes": "dtypes"}

    grid: Annotated[Path | None, Option("Axes and their values.", argument="[GRID.toml]")] = None
    models: Annotated[
        Names | None, Option("What `rooflink predict` takes; may be repeated.", "--model")
    ] = None
    slices: Annotated[
        Names | None, Option("Chips such as v5e-16 or h100-8; may be repeated.", "--slice")
    ] = None
    dtypes: Annotated[
        Names | None, Option("Weights; may be repeated  [default: bfloat16]", "--dtype")
    ] = None
    kv_dtypes: Annotated[
        Names | None, Option("KV cache; may be repeated  [default: bfloat16]", "--kv-dtype")
    ] = None
    prompt: Annotated[
        NumberList | None, Option("Tokens of a prompt  [default: 512]", commas=True, metavar="N,N")
    ] = None
    think: Annotated[
        NumberList | None,
        Option("Tokens of a thought  [default: 2048]", commas=True, metavar="N,N"),
    ] = None
    answer: Annotated[
        NumberList | None, Option("Tokens of an answer  [default: 256]", commas=True, metavar="N,N")
    ] = None
    attempts: Annotated[
        NumberList | None,
        Option("Attempts at each prompt  [default: 1]", commas=True, metavar="N,N"),
    ] = None
    sequences: Annotated[
        NumberList | None,
        Option(
            "Attempts that run together  [default: every power of two to 4096]",
            commas=True, metavar="N,N",
        ),
    ] = None  # fmt: skip
    matrix_flops: Annotated[
        NumberList | None,
        Option("Multiples of the chip's matrix FLOP/s.", commas=True, metavar="F,F"),
    ] = None
    hbm_bandwidth: Annotated[
        NumberList | None,
        Option("Multiples of its HBM bandwidth.", commas=True, metavar="F,F"),
    ] = None
    hbm_capacity: Annotated[
        NumberList | None,
        Option("Multiples of its HBM capacity.", commas=True, metavar="F,F"),
    ] = None
    on_chip_capacity: Annotated[
        NumberList | None,
        Option("Multiples of its on-chip memory.", commas=True, metavar="F,F"),
    ] = None
    link_bandwidth: Annotated[
        NumberList | None,
        Option("Multiples of its links' bandwidth.", commas=True, metavar="F,F"),
    ] = None

    def default_out(self) -> Path:
        """One folder, so that the same command goes on."""
        return Path("runs/exploration")

    def run(self, watcher: Watcher, command: str = "python") -> Exploration:
        """Compute and write the parts that the folder lacks. Raises ModelInputError,
        ChipInputError, ProfileInputError, or InterruptedRunError with what is there."""
        from ..co_design.sweep import explore
        from ..predicted.calibration import default_calibration

        choose_backend()
        if self.out is None:
            raise ProfileInputError("a sweep needs a folder for its dataset: name one with --out")
        axes = self.axes()
        try:
            found = explore(axes, self.out, default_calibration(), watcher)
        except KeyboardInterrupt:
            raise InterruptedRunError(_parts_there(axes, self.out)) from None
        return Exploration(self.out, axes.points, found.parts, found.there_before, found.reasons)

    def axes(self) -> "Grid":
        """The file's axes with the options in their place."""
        from ..co_design.sweep import load_grid

        values = self.model_dump(exclude={"grid", "out"}, exclude_none=True)
        options = {_AXES.get(name, name): list(each) for name, each in values.items()}
        return load_grid(self.grid, options)


_AXES = {"dtypes": "weight_dtypes"}  # as a grid's file has them


def _parts_there(axes: "Grid", folder: Path) -> str:
    from ..co_design.sweep import parts_of

    there = len(list(folder.glob("part-*.parquet")))
    whole = sum(1 for _ in parts_of(axes))
    return f"{there} of {whole} parts are in {folder}; give the same command again to go on"
