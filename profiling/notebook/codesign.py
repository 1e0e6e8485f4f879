"""Codesigned: what each change of chip or model is worth, and `codesign`, which works it out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ProfileInputError
from ..jobs.codesign_job import CodesignJob
from ..records.codesign import CodesignCase, CodesignReport
from ..render.codesign_asks import SideView, first_page
from ..render.codesign_png import designs_figure, pareto_figure, roofline_figure, tornado_figure
from ..render.codesign_report import write_codesign
from ..render.codesign_search_tables import assumptions_table, designs_table, spent_table
from ..render.codesign_tables import cases_table, what_ifs_table
from ..render.codesign_words import case_name, headline
from ..render.table import Column, Table
from . import codesign_rows as rows
from .frames import frame
from .functions import function_of
from .page import page
from .picture import Picture
from .run import recorded


@dataclass(frozen=True)
class Codesigned:
    """One co-design report. `record` holds every figure; the rest are views of it."""

    record: CodesignReport

    def __repr__(self) -> str:
        return headline(self.record)

    def _repr_html_(self) -> str:
        record, sides = self.record, first_page(self.record).sides
        searches = record.searches
        compared = [f"To the {each.side} team: {text}." for each in sides for text in each.compared]
        return page(
            "tables.html.j2",
            heading=", ".join(case_name(case) for case in record.cases),
            headline=headline(record),
            tables=[_asks_table(side) for side in sides],
            folded=[
                cases_table(record.cases),
                *(what_ifs_table(case.what_ifs) for case in record.cases),
                designs_table(searches),
                spent_table(searches),
                assumptions_table(record),
            ],
            notes=[*compared, *record.notes, *(search.sentence for search in searches)],
        )

    @property
    def asks(self) -> Any:
        """A row for each ask of either team, as a DataFrame where pandas is installed, else a list
        of dicts."""
        return frame(rows.asks(self.record), "rank")

    @property
    def cases(self) -> Any:
        """A row for each profile on each slice."""
        return frame(rows.cases(self.record), "slice")

    @property
    def elasticities(self) -> Any:
        """A row for each hardware parameter, phase, quantity and regime."""
        return frame(rows.elasticities(self.record), "parameter")

    @property
    def levers(self) -> Any:
        """A row for each change of the model or of its use: after over before."""
        return frame(rows.levers(self.record), "change")

    @property
    def what_ifs(self) -> Any:
        """A row for each stated change: after over before."""
        return frame(rows.what_ifs(self.record), "change")

    @property
    def designs(self) -> Any:
        """The chip that is there and the best ones for each purpose under the budget."""
        return frame(rows.designs(self.record), "chip")

    @property
    def ways(self) -> Any:
        """A row for each way to serve a profile: its latency and its money."""
        return frame(rows.ways(self.record), "slice")

    def tornado(self, slice: str | None = None) -> Picture:
        """What more of each hardware parameter does to the query's time, on the first slice or on
        a named one. Raises ProfileInputError for a slice that was not analysed."""
        case = self._case(slice)
        return Picture(tornado_figure(case), f"Elasticities of {case_name(case)}")

    def roofline(self, slice: str | None = None) -> Picture:
        """The phases under a slice's roof, an arrow for each change of the model.

        Raises ProfileInputError for a slice that was not analysed.
        """
        case = self._case(slice)
        return Picture(roofline_figure(case), f"Levers on the roofline of {case_name(case)}")

    def frontier(self, profile: str | None = None) -> Picture:
        """Latency against money of every way to serve the first profile, or a named one.

        Raises ProfileInputError for a profile that has none.
        """
        known = list(dict.fromkeys(point.profile for point in self.record.pareto))
        named = profile or next(iter(known), None)
        if named is None or named not in known:
            raise ProfileInputError(f"no way to serve '{named}' has a price: known are {known}")
        return Picture(pareto_figure(self.record, named), f"Latency against money: {named}")

    def chips(self) -> Picture:
        """The best chip for each purpose, its parts as multiples of the chip that is there.

        Raises ProfileInputError where no chip was found; `record.notes` says why.
        """
        searches = self.record.searches
        if not searches:
            raise ProfileInputError("; ".join(self.record.notes) or "no chip was searched for")
        return Picture(designs_figure(searches), " ".join(each.sentence for each in searches))

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


def _asks_table(side: SideView) -> Table:
    columns = [Column("rank"), Column("saving", "predicted"), Column("80 % interval", "predicted"),
               Column("ask", numeric=False)]  # fmt: skip
    cells = [[str(ask.rank), ask.saving, ask.bounds, ask.sentence] for ask in side.asks]
    return Table(f"To the {side.side} team", columns, cells)


def _view(result: CodesignReport, job: CodesignJob) -> Codesigned:
    return Codesigned(result)


def _profiles(runs: object) -> tuple[object, ...]:
    """What `profile` or `load` returned as the profile it holds; folders and files as they are."""
    several = runs if isinstance(runs, list | tuple) else [runs]
    return tuple(map(recorded, several))


codesign = function_of(
    CodesignJob, _view, first=("profiles",), rest="slices", write=write_codesign,
    taken={"profiles": _profiles},
)  # fmt: skip
