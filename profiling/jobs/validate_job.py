"""ValidateJob: how wrong the predictions are. CalibrateJob: the fit that they stand on, anew."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from ..backend import choose_backend
from ..errors import Watcher
from ..records.files import write_text
from ..records.validation import Validation
from .job import Option, Paths, UserPath, WritingJob, WrittenJob, option


class ValidateJob(WrittenJob):
    """Set predictions against published measurements, worked problems and other tools.

    Without an option it does all three. A file of measurements is a CSV with the columns of
    a table in validation/data, by which its kind is told, or of measured_energy_h100.csv; rows that
    the fit has not seen count as held out. No row is passed over in silence: what cannot be
    predicted is listed with the reason.
    """

    record: ClassVar = "validation"
    writes: ClassVar = (*WrittenJob.writes, "errors.md")

    measurements: Paths = option(
        (),
        "A CSV of measurements instead of those that come along; may be repeated.",
        metavar="FILE",
    )
    worked: bool = option(False, "Solve the worked problems.")
    peers: bool = option(False, "Compare with other tools' numbers.")

    def run(self, watcher: Watcher, command: str = "python") -> Validation:
        """The record. Raises ProfileInputError for a file that is no table of measurements."""
        from ..validation.validate import SHIPPED, validate

        choose_backend()
        everything = not (self.measurements or self.worked or self.peers)
        files = self.measurements or (SHIPPED if everything else ())
        worked, peers = self.worked or everything, self.peers or everything
        return validate(files, worked, peers, command, watcher)


@dataclass(frozen=True)
class Calibration:
    """A fit: the texts of its files, the rows that it saw, and those of the committed fit that it
    had not."""

    rows: int
    calibration_json: str
    held_out_csv: str
    errors_json: str
    absent: str

    @property
    def files(self) -> dict[str, str]:
        """Name -> text."""
        return {
            "calibration.json": self.calibration_json,
            "held_out.csv": self.held_out_csv,
            "held_out_errors.json": self.errors_json,
        }

    def write(self, folder: Path) -> None:
        """All files, each whole or not at all."""
        for name, text in self.files.items():
            write_text(folder / name, text)


class CalibrateJob(WritingJob):
    """Fit prediction's parameters on published measurements; test the fit held out.

    Writes calibration.json (draws of every mean and effect, and the residual scales with which
    intervals cover held-out rows), held_out.csv (each row as predicted without its model, without
    its chip and without its stack) and held_out_errors.json (their errors by group). The rows that
    come with rooflink are always used; further files have the columns of
    `rooflink validate --measurements`, and of their rows errors by group alone are written. The
    committed files were written with the ML.ENERGY rows added, which may not be shipped: given
    them, this writes the same files again.
    """

    writes: ClassVar = ("calibration.json", "held_out.csv", "held_out_errors.json")
    own: ClassVar = {"calibration.json": "Written by 'rooflink calibrate'"}

    out: Annotated[UserPath, Option("Folder for the three files.")]
    measurements: Paths = option((), "A CSV of further rows; may be repeated.")

    def run(self, watcher: Watcher, command: str = "python") -> Calibration:
        """Fit on all rows, and again without each model, chip and stack. Raises ProfileInputError
        for a file that is no table of measurements."""
        from ..calibration.fit import calibrate
        from ..validation.measurements import read_measurements
        from ..validation.validate import SHIPPED

        choose_backend()
        shipped, beside = (
            [case for path in paths for case in read_measurements(path)[0]]
            for paths in (SHIPPED, self.measurements)
        )
        begun = False

        def told(done: int, fits: int) -> None:
            nonlocal begun
            if not begun:
                watcher.stage("Fitting again without each model, chip, stack", fits - 1, "fits")
            begun = True
            watcher.advance(1)

        watcher.stage(f"Fitting {len(shipped) + len(beside)} rows")
        found = calibrate(shipped, beside, told)
        return Calibration(
            len(shipped) + len(beside), found.calibration_json, found.held_out_csv,
            found.errors_json, absent_rows({case.source for case in beside}),
        )  # fmt: skip


def absent_rows(sources: set[str]) -> str:
    """Rows of the committed fit that are of none of `sources`, in a sentence; empty if none are."""
    from ..validation.validate import published_errors

    committed = published_errors()
    missing = [source for source in committed.not_shipped_sources if source not in sources]
    if not missing:
        return ""
    return (
        f"{committed.not_shipped_rows} rows of the committed fit are not there (those of "
        f"{', '.join(missing)}, which may not be shipped): this fit differs from it"
    )
