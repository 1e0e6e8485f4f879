"""CodesignJob: which change of the chip or of the model buys most."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ...model.config import ModelInputError
from ...model.input_files import user_path
from ...tpu_configs.slice import compared_slices
from ..backend import choose_backend
from ..errors import ProfileInputError, Watcher
from ..names import slices_named
from ..records import Profile
from ..records.codesign import CodesignReport
from ..records.files import load_profile, load_record
from ..records.lever_study import LeverStudy
from .cost_terms import Stack, TermsOptions, settled_stack
from .job import Names, Option, WrittenJob, option, several

if TYPE_CHECKING:
    from ..co_design.analyse import CodesignOptions
    from ..predicted.model_shape import NamedShape


class CodesignJob(TermsOptions, WrittenJob):
    """Say which change of chip or model buys most, ranked and with uncertainty.

    Reads what `rooflink profile` wrote and writes report.md, report.html, codesign.json and
    TensorBoard events: five asks to the hardware team and five to the model team, then what they
    stand on.
    """

    record: ClassVar = "codesign"
    writes: ClassVar = (*WrittenJob.writes, "profile.json")  # whose own report stands there
    renamed: ClassVar = {"budget": "chip_budget"}

    profiles: Annotated[
        tuple[Path | Profile, ...],
        Field(min_length=1),
        Option(
            "profile.json files, the folders of runs, or with --workload names of models.",
            argument="PROFILE...",
        ),
    ]
    workload: Path | None = option(
        None,
        "A .toml mix of queries to search a chip for, and what models by name are asked  "
        "[default: the largest model's]",
        metavar="FILE",
    )
    slices: Names = option(
        compared_slices(),
        "Chips: v5e-16, v5p:4x4x4, mychip.toml:8; may be repeated.",
        "--slice",
        min_length=1,
    )
    chip_budget: str | None = option(
        None,
        "What one chip may take: area=800mm2, power=700W or cost=3000$, or several with commas; "
        "1000 W where no power is given, which air cools  [default: today's cost]",
    )
    what_if: Names = option((), "Changes such as hbm_bandwidth=2x,kv_dtype=int8; may be repeated.")
    evidence: Annotated[tuple[Path | LeverStudy, ...], BeforeValidator(several)] = option(
        (), "levers.json or the folder of `rooflink levers`: quality of levers; may be repeated."
    )
    dtype: str | None = option(None, "Weights  [default: each profile's own]")
    stack: Stack = None
    queries: float = option(1.0, "Load of the data center, queries per second.", gt=0)
    latency: float | None = option(None, "Seconds a query may take  [default: twice one's]", gt=0)

    def default_out(self) -> Path:
        """A new folder under runs/."""
        return Path("runs") / f"codesign-{datetime.now():%Y%m%d-%H%M%S}"

    def run(self, watcher: Watcher, command: str = "python") -> CodesignReport:
        """Analyse every profile on every slice. Raises ChipInputError or ProfileInputError."""
        from ..co_design.analyse import analyse

        choose_backend()
        options, slices = self.options(command), slices_named(self.slices)
        named = options.described
        profiles = _apart([_read(each) for each in self.profiles if _model(each) is None])
        many = len(profiles) + len(named)
        watcher.stage(f"Predicting {many} profiles on {len(slices)} slices")
        return analyse(profiles, slices, options, watcher=watcher)

    def options(self, command: str) -> "CodesignOptions":
        """What is asked of the analysis besides profiles and slices, as what it names."""
        from ..co_design.analyse import CodesignOptions
        from ..co_design.search_report import parse_chip_budget
        from ..co_design.what_if import parse_what_if
        from ..co_design.workload_mix import load_mix

        models = [_model(each) for each in self.profiles]
        given = [each for each, model in zip(self.profiles, models, strict=True) if model is None]
        files = [str(each) for each in given if isinstance(each, Path)]
        return CodesignOptions(
            described=[model for model in models if model is not None],
            mix=load_mix(self.workload) if self.workload else None,
            budget=parse_chip_budget(self.chip_budget) if self.chip_budget else None,
            what_ifs=[parse_what_if(text) for text in self.what_if],
            terms=self.terms(),
            stack=settled_stack(self.stack),
            weight_dtype=self.dtype,
            queries_per_s=self.queries,
            latency_target_s=self.latency,
            command=command,
            evidence=[_study(each) for each in self.evidence],
            files=files if len(files) == len(given) else None,
        )


def _model(profile: Path | Profile) -> "NamedShape | None":
    """The model of that name, where there is no such file or folder."""
    if not isinstance(profile, Path) or len(profile.parts) > 1 or profile.exists():
        return None
    from ..predicted.model_shape import named_shape

    try:
        return named_shape(str(profile))
    except ModelInputError:
        return None


def _read(profile: Path | Profile) -> Profile:
    return load_profile(profile) if isinstance(profile, Path) else profile


def _study(evidence: Path | LeverStudy) -> LeverStudy:
    """The levers that were measured, from the file or the folder that has them."""
    if not isinstance(evidence, Path):
        return evidence
    given = user_path(evidence, ProfileInputError)
    return load_record(LeverStudy, given / "levers.json" if given.is_dir() else given)


def _apart(profiles: Sequence[Profile]) -> list[Profile]:
    """The profiles under names of their own: a second 'run' becomes 'run (2)'."""
    found: list[Profile] = []
    for profile in profiles:
        name, n = profile.name, 1
        while any(name == each.name for each in found):
            n += 1
            name = f"{profile.name} ({n})"
        found.append(profile.model_copy(update={"name": name}))
    return found
