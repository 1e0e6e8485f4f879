"""Jobs: an option exists on the command line and in Python, or in neither, and is refused once."""

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

import rooflink.profiling as rp
from rooflink.profiling.cli.app import load_command
from rooflink.profiling.cli.commands import command_of
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.jobs.codesign_job import CodesignJob
from rooflink.profiling.jobs.compare_job import CompareJob
from rooflink.profiling.jobs.compile_job import CompileJob
from rooflink.profiling.jobs.evaluate_job import EvaluateJob
from rooflink.profiling.jobs.explore_job import ExploreJob
from rooflink.profiling.jobs.job import (
    Job,
    Names,
    Option,
    WholeNumbers,
    WritingJob,
    old_spellings,
    options_of,
    spelling,
)
from rooflink.profiling.jobs.levers_job import LeversJob
from rooflink.profiling.jobs.predict_job import PredictJob
from rooflink.profiling.jobs.profile_job import ProfileJob
from rooflink.profiling.jobs.quantize_job import QuantizeJob
from rooflink.profiling.jobs.train_job import TrainJob
from rooflink.profiling.jobs.validate_job import CalibrateJob, ValidateJob

VERBS: dict[str, type[Job]] = {
    "profile": ProfileJob,
    "predict": PredictJob,
    "evaluate": EvaluateJob,
    "train": TrainJob,
    "calibrate": CalibrateJob,
    "compare": CompareJob,
    "compile": CompileJob,
    "validate": ValidateJob,
    "codesign": CodesignJob,
    "explore": ExploreJob,
    "quantize": QuantizeJob,
    "levers": LeversJob,
}
COMMANDS = {"evaluate": "eval"}
SHELLS_OWN = {"json", "csv", "help"}, {"progress"}


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_is_in_both_shells_or_in_neither(verb: str) -> None:
    job = VERBS[verb]
    command = load_command(COMMANDS.get(verb, verb))
    function = inspect.signature(getattr(rp, verb))
    assert {each.name for each in command.params} - SHELLS_OWN[0] == set(job.model_fields)
    assert set(function.parameters) - SHELLS_OWN[1] == set(job.model_fields)


@pytest.mark.parametrize("verb", VERBS)
def test_spellings_helps_and_defaults_are_the_jobs(verb: str) -> None:
    job = VERBS[verb]
    params = {each.name: each for each in load_command(COMMANDS.get(verb, verb)).params}
    function = inspect.signature(getattr(rp, verb))
    for name, (field, option) in options_of(job).items():
        assert params[name].required == field.is_required()
        assert params[name].help == option.help
        if not option.argument:
            assert params[name].opts == [spelling(job, name)]
        parameter = function.parameters[name]
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL and not field.is_required():
            assert parameter.default == field.default
        assert f"\n{name}: " in inspect.getdoc(getattr(rp, verb))


@pytest.mark.parametrize("verb", VERBS)
def test_old_spellings_are_gone_and_name_those_there_are(verb: str) -> None:
    job = VERBS[verb]
    options = {spelling(job, name) for name in job.model_fields}
    for old, new in old_spellings(job).items():
        assert old not in options
        assert new in options
    for old, new in job.renamed.items():
        with pytest.raises(ProfileInputError, match=f"^'{old}' is called '{new}' now$"):
            job(**{old: 1})


class Sample(Job):
    """A job.

    Its second paragraph.
    """

    model: Annotated[str, Option("What.")]
    sizes: Annotated[WholeNumbers, Option("How large.", commas=True)] = (1, 2)
    slices: Annotated[Names, Option("Where.", "--slice")] = ()
    batch: Annotated[int, Field(ge=1), Option("How many.")] = 1
    kind: Annotated[Literal["a", "b"], Option("Which.")] = "a"
    share: Annotated[float | None, Field(gt=0, le=1), Option("How much.")] = None

    def run(self, watcher: Any, command: str = "python") -> "Sample":
        return self


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "MODEL|--model is missing"),
        ({"model": "m", "batch": 0}, "^--batch must be at least 1, got 0$"),
        ({"model": "m", "share": 2}, "^--share must be at most 1, got 2"),
        ({"model": "m", "share": float("nan")}, "^--share is nan, expected a finite number$"),
        ({"model": "m", "kind": "c"}, "^--kind is 'c', expected 'a' or 'b'$"),
        ({"model": "m", "sizes": "1,x"}, "^--sizes is 'x', expected a valid integer"),
        ({"model": "m", "bath": 2}, "there is no option 'bath': did you mean 'batch'"),
    ],
)
def test_what_cannot_be_is_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfileInputError, match=said):
        Sample(**options)


def test_a_single_value_is_a_sequence_of_one_and_commas_part_a_text() -> None:
    job = Sample(model="m", slices="v5e-8", sizes="3, 4")
    assert (job.slices, job.sizes) == (("v5e-8",), (3, 4))


def test_a_job_is_frozen_and_knows_what_was_given() -> None:
    job = Sample(model="m", batch=1)
    with pytest.raises(Exception, match="frozen"):
        job.batch = 2
    with pytest.raises(ProfileInputError, match=r"^--batch does not apply$"):
        job.refuse(["share", "batch"], "does not apply")
    job.refuse(["share"], "does not apply")


def test_the_command_gives_the_job_only_what_was_typed() -> None:
    seen: list[Sample] = []
    command = command_of(
        Sample, lambda result: [], lambda result, out, console: seen.append(result), "rooflink s"
    )
    defaults = {name: each.default for name, each in inspect.signature(command).parameters.items()}
    command(**(defaults | {"model": "m", "sizes": "5"}))
    assert seen[0].model_fields_set == {"model", "sizes"}
    assert (seen[0].sizes, seen[0].batch) == ((5,), 1)


@pytest.mark.parametrize(
    ("job", "options", "said"),
    [
        (ProfileJob, {"prompts": "x", "task": "sum:n=2"}, "--prompts and --task exclude"),
        (ProfileJob, {"strategy": "greedy", "top_k": 2}, "^--top-k cannot be given with"),
        (PredictJob, {"model": "m", "slices": "v5e", "compare": True, "think": 0}, "--compare"),
        (
            EvaluateJob,
            {"attempts_log": "x", "limit": 2, "task": "bundled", "think_budget": "3"},
            "^--task, --think-budget, --limit cannot be given with --attempts-log",
        ),
        (EvaluateJob, {"attempts_log": "x", "seed": 1}, "^--seed cannot be given with"),
        (TrainJob, {"out": "x", "task": "sum:n=2"}, "leave --task and --from out"),
        (CompileJob, {"model": "m", "slices": ()}, "^--slice is missing"),
    ],
)
def test_options_that_do_not_go_together(
    job: type[Job], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProfileInputError, match=said):
        job(**options)


REPLACES = [
    (ProfileJob(), "profile.json", "{}"),
    (ProfileJob(), "report.md", "# mine"),
    (CompileJob(model="m", slices="cpu"), "profile.json",
     '{"schema_version": "rooflink.profile/2", "provenance": {"backend": "cpu"}}'),
    (EvaluateJob(), "report.html", "<p>"),
    (ValidateJob(), "errors.md", ""),
    (CodesignJob(profiles=("p",)), "profile.json", ""),
    (TrainJob(out="m"), "model.safetensors", "mine"),
    (ExploreJob(), "part-000000.parquet", ""),
    (CalibrateJob(out="m"), "calibration.json", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("job", "name", "text"), REPLACES, ids=lambda part: str(part)[:12])
def test_a_users_files_are_never_replaced(
    job: WritingJob, name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProfileInputError, match=f"holds {name}, which is not of such a run"):
        job.require_free(tmp_path)
    assert (tmp_path / name).read_text() == text
    job.model_copy(update={"force": True}).require_free(tmp_path)


def test_files_of_the_same_kind_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("")
    (tmp_path / "profile.json").write_text('{"schema_version": "rooflink.profile/1"}')
    ProfileJob().require_free(tmp_path)
    with pytest.raises(ProfileInputError, match="choose another folder"):
        EvaluateJob().require_free(tmp_path)
