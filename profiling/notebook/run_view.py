"""Run: a profile that shows itself, and `profile`, which makes one."""

from dataclasses import dataclass
from pathlib import Path

from ..jobs.profile_job import ProfileJob
from ..records import Profile
from ..records.files import load_profile
from ..reports.charts.roofline_chart import roofline
from ..reports.document import printable
from ..reports.renderers.notebook import Frame, Picture, cell, frame, picture
from ..reports.sections.prediction_document import resources, slices_table
from ..reports.sections.profile_document import notebook_document
from ..reports.sections.profile_facts import headline
from ..reports.sections.profile_tables import bytes_table, phase_table, slots_table, thought_table
from ..reports.write import write_run
from .functions import function_of


@dataclass(frozen=True)
class Run:
    """One profile. `record` holds every figure; the rest are views of it."""

    record: Profile

    def __repr__(self) -> str:
        return printable(f"{self.record.name}: {headline(self.record)}")

    def _repr_html_(self) -> str:
        return cell(notebook_document(self.record))

    @property
    def phases(self) -> Frame:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        record = self.record
        return frame(phase_table(record), bytes_table(record), slots_table(record))

    @property
    def thought(self) -> Frame:
        """A row for each of at most 64 decode steps along the thought."""
        return frame(thought_table(self.record, every=True))

    @property
    def predictions(self) -> Frame:
        """A row for each slice that the workload is predicted on."""
        return frame(slices_table(self.record.predictions))

    def roofline(self) -> Picture:
        """The phases under the chips' roofs.

        Raises ProfileInputError where there is no roof to draw.
        """
        return picture(roofline(self.record), "the profile has no roof: profile with chips=['v5e']")

    def sensitivity(self) -> Picture:
        """The share of the time that each resource holds, chip by chip.

        Raises ProfileInputError where the profile names no chip.
        """
        return picture(
            resources(self.record), "the profile names no chip: profile with chips=['v5e']"
        )

    def save(self, folder: str | Path) -> Path:
        """Write profile.json, both reports and TensorBoard events; returns the folder.

        Raises ProfileInputError where that cannot be.
        """
        write_run(self.record, Path(folder))
        return Path(folder)


def recorded(run: object) -> object:
    """The profile that a run holds; anything else as it is."""
    return run.record if isinstance(run, Run) else run


def load(folder: str | Path) -> Run:
    """The run that `Run.save` or `rooflink profile` wrote; raises ProfileInputError."""
    return Run(load_profile(Path(folder)))


profile = function_of(ProfileJob, Run, first=("model", "prompts"), write=write_run)
