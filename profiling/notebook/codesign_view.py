"""Codesigned: what each change of chip or model is worth, and `codesign`, which works it out."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ProfileInputError
from ..jobs.codesign_job import CodesignJob
from ..records.codesign import CodesignCase, CodesignReport
from ..reports.charts.codesign_elasticities import tornado
from ..reports.charts.codesign_roofline import lever_rooflines
from ..reports.charts.codesign_serving import designs, pareto
from ..reports.codesign_words import headline
from ..reports.document import printable
from ..reports.renderers.notebook import Frame, Picture, cell, frame, picture
from ..reports.sections import codesign_search as search_tables
from ..reports.sections import codesign_tables as tables
from ..reports.sections.codesign_document import codesign_cell
from ..reports.write_studies import write_codesign
from .functions import function_of
from .run_view import recorded


@dataclass(frozen=True)
class Codesigned:
    """One co-design report. `record` holds every figure; the rest are views of it."""

    record: CodesignReport

    def __repr__(self) -> str:
        return printable(headline(self.record))

    def _repr_html_(self) -> str:
        return cell(codesign_cell(self.record))

    @property
    def asks(self) -> Frame:
        """A row for each recommendation to either team, as a DataFrame where pandas is installed,
        else a list of dicts."""
        record = self.record
        return frame(tables.asks_table([*record.hardware_asks, *record.model_asks]))

    @property
    def cases(self) -> Frame:
        """A row for each profile on each slice."""
        return frame(tables.cases_table(self.record.cases))

    @property
    def elasticities(self) -> Frame:
        """A row for each hardware parameter, phase, quantity and regime."""
        return frame(tables.elasticities_rows(self.record.cases))

    @property
    def levers(self) -> Frame:
        """A row for each change of the model or of its use: after over before."""
        return frame(tables.levers_rows(self.record.cases))

    @property
    def what_ifs(self) -> Frame:
        """A row for each stated change: after over before."""
        return frame(tables.what_ifs_table(self.record.cases))

    @property
    def designs(self) -> Frame:
        """The chip that is there and the best ones for each purpose under the budget."""
        return frame(search_tables.designs_rows(self.record.searches))

    @property
    def ways(self) -> Frame:
        """A row for each way to serve a profile: its latency and its cost."""
        return frame(search_tables.ways_rows(self.record.pareto))

    def tornado(self, slice: str | None = None) -> Picture:
        """What more of each hardware parameter does to the query's time, on the first slice or on
        a named one. Raises ProfileInputError for a slice that was not analysed."""
        chart = tornado(self._case(slice), "memory full")
        return picture(chart, "the report has no elasticities to draw")

    def roofline(self, slice: str | None = None) -> Picture:
        """The phases under a slice's roof, an arrow for each change of the model.

        Raises ProfileInputError for a slice that was not analysed.
        """
        charts = lever_rooflines(self._case(slice))
        return picture(next(iter(charts), None), "the report has no phases to draw")

    def frontier(self, profile: str | None = None) -> Picture:
        """Latency against cost of every way to serve the first profile, or a named one.

        Raises ProfileInputError for a profile that has none.
        """
        names = list(dict.fromkeys(point.profile for point in self.record.pareto))
        named = profile or next(iter(names), None)
        chart = pareto([point for point in self.record.pareto if point.profile == named])
        return picture(chart, f"no way to serve '{named}' has a price: known are {names}")

    def chips(self) -> Picture:
        """The best chip for each purpose, its parts as multiples of the chip that is there.

        Raises ProfileInputError where no chip was found; `record.notes` says why.
        """
        chart = designs(self.record.searches, search_tables.SHARES)
        return picture(chart, "; ".join(self.record.notes) or "no chip was searched for")

    def save(self, folder: str | Path) -> Path:
        """Write codesign.json, both reports and TensorBoard events; returns the folder.

        Raises ProfileInputError where that cannot be.
        """
        write_codesign(self.record, Path(folder))
        return Path(folder)

    def _case(self, slice: str | None) -> CodesignCase:
        cases = self.record.cases
        found = [case for case in cases if slice in (None, case.prediction.slice)]
        if not found:
            known = ", ".join(dict.fromkeys(case.prediction.slice for case in cases))
            raise ProfileInputError(f"'{slice}' was not analysed: take one of {known}")
        return found[0]


def _profiles(runs: object) -> tuple[object, ...]:
    """What `profile` or `load` returned as the profile it holds; folders and files as they are."""
    several = runs if isinstance(runs, list | tuple) else [runs]
    return tuple(map(recorded, several))


codesign = function_of(
    CodesignJob, Codesigned, first=("profiles",), rest="slices", write=write_codesign,
    taken={"profiles": _profiles},
)  # fmt: skip
