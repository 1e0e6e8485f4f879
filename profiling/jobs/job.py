"""Job: the base of all verbs. One declaration of an option feeds command line and Python.

Modules of jobs are light to import: what computes is imported where `run` needs it.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2s
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NoReturn, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from ...model.input_files import user_path
from ...model.styles import KVDType, WeightDType, Widths
from ..errors import InterruptedRunError, ProfileInputError, Watcher, held, interruptible
from ..names import folder_name

Result = TypeVar("Result")
T = TypeVar("T")
HEAD_BYTES = 4096


@dataclass(frozen=True)
class Option:
    """What the command line needs to know of a field, beside its type and default."""

    help: str
    name: str | None = None  # '--slice' of the field `slices`; None: the field's own
    argument: str | None = None  # its metavar where it is given by its place
    commas: bool = False  # several values in one text, '1,2,4', where it else may be repeated
    metavar: str | None = None


def option(
    default: T,
    help: str,
    name: str | None = None,
    *,
    argument: str | None = None,
    commas: bool = False,
    metavar: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
) -> T:
    """A field of a job, with what the command line needs to know of it and its bounds."""
    field = FieldInfo(default=default, ge=ge, gt=gt, le=le, min_length=min_length)
    field.metadata.append(Option(help, name, argument, commas, metavar))
    return cast(T, field)


def several(value: object) -> object:
    """A single text or path stands for a sequence of one."""
    return (value,) if isinstance(value, str | Path) else value


def _parted(value: object) -> object:
    """'1,2,4' as its parts."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


UserPath = Annotated[Path, AfterValidator(lambda path: user_path(path, ProfileInputError))]
LARGEST_SEED = 2**63 - 1
MOST_PROBLEMS = 100_000
RunDType = Literal["float32", "bfloat16"]
GROUP_HELP = "Rows that share a scale of int4: 16, 32, 64, 128  [default: the most that divide]"
Names = Annotated[tuple[str, ...], BeforeValidator(several)]
Paths = Annotated[tuple[UserPath, ...], BeforeValidator(several)]
WordList = Annotated[tuple[str, ...], BeforeValidator(_parted)]
WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_parted)]
NumberList = Annotated[tuple[float, ...], BeforeValidator(_parted)]


class Job(BaseModel):
    """A verb with its options. Raises ProfileInputError, in one sentence, for what cannot be."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}  # options by their old names, which answer with these

    def __init__(self, /, **options: object) -> None:
        _require_text(type(self), options)
        try:
            super().__init__(**options)
        except ValidationError as error:
            _refuse(type(self), error)

    def run(self, watcher: Watcher, command: str = "python") -> object:
        """Do it, and return what came of it; `command` is what the record says it was made by."""
        raise NotImplementedError

    def refuse(self, names: Iterable[str], why: str) -> None:
        """Raise ProfileInputError, '--OPTION why', for those of these that were given."""
        given = [spelling(type(self), name) for name in names if name in self.model_fields_set]
        if given:
            raise ProfileInputError(f"{', '.join(given)} {why}")


class WritingJob(Job):
    """A job that writes into a folder of the user's: over files of its own kind, and no others."""

    record: ClassVar[str] = ""  # of `records.files.WRITTEN`
    writes: ClassVar[tuple[str, ...]] = ("report.md", "report.html", "charts")
    own: ClassVar[Mapping[str, str]] = {}  # file -> words in it that show whose the folder is

    force: bool = option(False, "Write over files in the folder that rooflink did not write.")

    def kept(self) -> str:
        """What is left of a run that is stopped before its result, in a sentence."""
        return "nothing was written"

    def require_free(self, folder: Path) -> None:
        """Raise ProfileInputError for a file in `folder` that the job would write and that is not
        of an earlier job of this kind."""
        from ..records.files import WRITTEN

        own, writes = dict(self.own), self.writes
        if self.record:
            file = WRITTEN[self.record].file
            own, writes = {file: f'"rooflink.{self.record}/'} | own, (file, *writes)
        if self.force or any(_starts_with(folder / name, words) for name, words in own.items()):
            return
        taken = sorted(path.name for name in writes for path in folder.glob(name))
        if taken:
            raise ProfileInputError(
                f"{folder} holds {taken[0]}, which is not of such a run: choose another folder "
                "with --out, or replace it with --force"
            )


def _starts_with(file: Path, words: str) -> bool:
    """Whether `words` are among the first of a file."""
    try:
        with file.open("rb") as opened:
            return words.encode() in opened.read(HEAD_BYTES)
    except OSError:
        return False


class WrittenJob(WritingJob):
    """A job whose result can be written into a folder."""

    out: UserPath | None = option(None, "Folder for the record and its reports.")

    def default_out(self) -> Path | None:
        """Where the command line writes where no folder is named; None for nowhere."""
        return None

    def folder_by_options(self, name: str, said: Collection[str]) -> Path:
        """One folder under runs/ for the same options, so that the same command goes on and another
        one writes over nothing: options that `name` has not `said` are told apart by a digest."""
        left = {*said, "out", "force"}
        rest = self.model_dump(exclude=left, exclude_defaults=True)
        digest = blake2s(repr(sorted(rest.items())).encode(), digest_size=3).hexdigest()
        return Path("runs") / (f"{folder_name(name)}-{digest}" if rest else folder_name(name))


class WidthOptions(Job):
    """What matrices and cache are held in, beside --dtype."""

    weight_dtype: WeightDType | None = option(
        None, "Matrices in int8, int4 or fp8  [default: as the model's folder, or --dtype]"
    )
    weight_group: int | None = option(None, GROUP_HELP, ge=1)
    kv_dtype: KVDType | None = option(None, "KV cache in int8 or fp8  [default: as --dtype]")

    @property
    def widths(self) -> Widths:
        """Those that were asked for."""
        return Widths(self.weight_dtype, self.weight_group, self.kv_dtype)


def options_of(job: type[Job]) -> dict[str, tuple[FieldInfo, Option]]:
    """Every field with what the command line knows of it: a job's own, then its bases'."""
    names = dict.fromkeys(
        name for kind in job.__mro__ for name in vars(kind).get("__annotations__", ())
    )
    fields = {name: job.model_fields[name] for name in names if name in job.model_fields}
    return {name: (field, _option(field)) for name, field in fields.items()}


def spelling(job: type[Job], name: str) -> str:
    """A field as the command line spells it, '--think-budget'; another name in the same way."""
    field = job.model_fields.get(name)
    option = _option(field) if field else None
    own = (option.argument or option.name) if option else None
    return own or f"--{name.replace('_', '-')}"


def old_spellings(job: type[Job]) -> dict[str, str]:
    """Options as they were spelled before -> as they are now: '--slices' took commas."""
    old = {name: name for name in job.model_fields} | dict(job.renamed)
    found = {f"--{name.replace('_', '-')}": spelling(job, new) for name, new in old.items()}
    return {name: new for name, new in found.items() if name != new and new.startswith("--")}


def perform(
    job: Job,
    watcher: Watcher,
    command: str,
    write: Callable[[Result, Path], object] | None = None,
) -> Result:
    """Run `job`, in a folder that is known to be writable where it has one, and `write` there.

    The record is written first: what fails or is stopped after it leaves the record. Raises
    InterruptedRunError with what is kept where Ctrl-C or SIGTERM ends the job.
    """
    folder = getattr(job, "out", None)
    try:
        if folder is None or not isinstance(job, WritingJob):
            return cast(Result, job.run(watcher, command))
        job.require_free(folder)
        with reserved(folder), held():
            with interruptible():
                result = cast(Result, job.run(watcher, command))
            if write is not None:
                _write(result, folder, write, watcher)
            return result
    except KeyboardInterrupt as error:
        kept = job.kept() if isinstance(job, WritingJob) else "nothing was written"
        raise InterruptedRunError(kept, type(error)) from None


def _write(
    result: Result, folder: Path, write: Callable[[Result, Path], object], watcher: Watcher
) -> None:
    """The record, then its reports."""
    from ..records.base import Record
    from ..records.files import save_record

    kept = f"the reports in {folder}"
    try:
        if isinstance(result, Record):
            kept = f"{save_record(result, folder).name} is in {folder}; its reports"
        watcher.stage("Writing the report")
        with interruptible():
            write(result, folder)
    except KeyboardInterrupt as error:
        sentence = f"{kept} may be incomplete: run again to write them whole"
        raise InterruptedRunError(sentence, type(error)) from None
    except OSError as error:
        raise ProfileInputError(_unwritable(folder, error)) from None


def _unwritable(folder: Path, error: OSError) -> str:
    reason = error.strerror or error
    return f"cannot write to {folder}: {reason}; choose another folder"


@contextmanager
def reserved(folder: Path) -> Iterator[Path]:
    """`folder`, proven writable before the long work; if that fails, what was made for it goes."""
    missing: list[Path] = []
    try:
        try:
            missing = [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".rooflink-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ProfileInputError(_unwritable(folder, error)) from None
        yield folder
    except BaseException:
        for path in missing:  # deepest first; only what is still empty
            try:
                path.rmdir()
            except OSError:
                break
        raise


def _require_text(job: type[Job], options: Mapping[str, object]) -> None:
    """Refuse what is empty, and bytes that are no UTF-8: no file could hold them."""
    for name, value in options.items():
        for part in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(part, str | Path):
                continue
            if str(part) != _as_utf8(str(part)):
                raise ProfileInputError(f"{spelling(job, name)} is {str(part)!r}, not UTF-8 text")
            if not str(part).strip():
                raise ProfileInputError(
                    f"{spelling(job, name)} is empty: leave it out, or say what"
                )


def _as_utf8(text: str) -> str:
    return text.encode(errors="replace").decode()


def _option(field: FieldInfo) -> Option:
    return next(each for each in field.metadata if isinstance(each, Option))


def _refuse(job: type[Job], error: ValidationError) -> NoReturn:
    """Raise the first mistake as one sentence, in the command line's spelling."""
    mistakes = error.errors()
    first = next((each for each in mistakes if each["type"] == "extra_forbidden"), mistakes[0])
    context: Mapping[str, object] = first.get("ctx", {})
    own = context.get("error")  # a check of the job's or of a field's
    if isinstance(own, ValueError):
        raise own from None
    field = str(first["loc"][0]) if first["loc"] else ""
    name, given = spelling(job, field), first["input"]
    if field in job.renamed:
        raise ProfileInputError(f"'{field}' is called '{job.renamed[field]}' now") from None
    if first["type"] == "extra_forbidden":
        near = get_close_matches(field, job.model_fields, n=1)
        raise ProfileInputError(
            f"there is no option '{field}'" + (f": did you mean '{near[0]}'?" if near else "")
        ) from None
    if first["type"] in ("missing", "too_short"):
        raise ProfileInputError(f"{name} is missing") from None
    raise ProfileInputError(
        f"{name} {_expected(first['type'], context, given, first['msg'])}"
    ) from None


_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "above"),
    "less_than": ("lt", "below"),
}


def _expected(kind: str, context: Mapping[str, object], given: object, message: str) -> str:
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {context[key]:g}, got {given}"
    return f"is {given!r}, {message.replace('Input should be', 'expected')}"
