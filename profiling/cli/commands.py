"""Commands made from jobs: the job's fields become options, its docstring the help."""

import inspect
import shlex
import sys
import textwrap
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Optional,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Console

from ...tpu_configs.input_errors import visible
from ..jobs.job import (
    Job,
    Option,
    WrittenJob,
    old_spellings,
    options_of,
    perform,
    reserved,
    spelling,
)
from .csv_files import Csv, write_tables
from .progress_bar import TerminalWatcher

if TYPE_CHECKING:
    from ..reports.document import Document

Result = TypeVar("Result")
Parameter = inspect.Parameter
JSON = Parameter(
    "json",
    Parameter.KEYWORD_ONLY,
    annotation=Annotated[bool, typer.Option("--json", help="Print the result as JSON.")],
    default=False,
)
CSV = Parameter(
    "csv",
    Parameter.KEYWORD_ONLY,
    annotation=Csv,
    default=None,
)


def command_of(
    job: type[Job],
    documents: Callable[[Result], "list[Document]"],
    say: Callable[[Result, Path | None, Console], None],
    examples: str,
    as_json: Callable[[Result], str] | None = None,
    write: Callable[[Result, Path], object] | None = None,
    more: str = "",
) -> Callable[..., None]:
    """A function for typer that runs `job` with a bar on the terminal, then prints its result, or
    writes its tables."""

    def command(*, json: bool, csv: Path | None, **values: object) -> None:
        given = {name: value for name, value in values.items() if value != defaults[name]}
        chosen = job(**given)
        if isinstance(chosen, WrittenJob) and chosen.out is None:
            chosen = chosen.model_copy(update={"out": chosen.default_out()})
        with TerminalWatcher() as watcher, nullcontext() if csv is None else reserved(csv):
            result: Result = perform(chosen, watcher, command_line(), write)
        if csv is not None:
            tables = [table for each in documents(result) for table in each.tables()]
            write_tables(tables, csv)
        if json:
            print((as_json or record_json)(result))
        elif csv is not None:
            say_where(Console(), "Tables", csv)
        else:
            _show(documents(result), console := Console())
            say(result, getattr(chosen, "out", None), console)

    fields = options_of(job)
    parameters = [*(_parameter(job, name, *each) for name, each in fields.items()), JSON, CSV]
    defaults = {each.name: each.default for each in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.old_spellings = old_spellings(job)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    shown = textwrap.indent(inspect.cleandoc(examples), "    ")
    command.__doc__ = f"{inspect.getdoc(job)}\n\nExamples:\n\n{shown}\n\n{more}"
    return command


def _show(documents: "list[Document]", console: Console) -> None:
    from ..reports.renderers.console import show  # there is a result to show

    for document in documents:
        show(document, console)


def record_json(record: object) -> str:
    """A record as its file has it."""
    assert isinstance(record, BaseModel)
    return record.model_dump_json(indent=1)


def command_line() -> str:
    """What was typed, for records to name."""
    return shlex.join(["rooflink", *sys.argv[1:]]).encode(errors="replace").decode()


def say_where(console: Console, what: str, path: Path) -> None:
    """A path on a line of its own, to be copied whole; what steers terminals is '?' in it."""
    shown = visible(str(path))
    console.print(f"{what}: {shown}", soft_wrap=True, highlight=False, markup=False)


def _parameter(job: type[Job], name: str, field: FieldInfo, option: Option) -> Parameter:
    kind, metavar = _kind(field.annotation, option), option.metavar
    if kind in (str, Optional[str]) and _holds_path(field.annotation):  # noqa: UP045
        metavar = metavar or "PATH"
    if choices := _choices(field.annotation):
        metavar = f"[{'|'.join(choices)}]"
    if option.argument:
        how = typer.Argument(metavar=option.argument, help=option.help)
    else:
        how = typer.Option(spelling(job, name), help=option.help, metavar=metavar)
    default = Parameter.empty if field.is_required() else _default(field, option)
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[kind, how], default=default)


def _kind(annotation: Any, option: Option) -> Any:
    """The field's type as typer knows it: several values are a list, or one text with commas."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0], option)
    if origin in (Union, UnionType):
        first = _kind(get_args(annotation)[0], option)
        return Optional[first] if NoneType in get_args(annotation) else first  # noqa: UP045
    if origin is Literal or annotation is Path or (origin is tuple and option.commas):
        return str  # which the job reads: a Path would take '' for '.'
    return list[_kind(get_args(annotation)[0], option)] if origin is tuple else annotation  # type: ignore[misc]


def _holds_path(annotation: object) -> bool:
    return annotation is Path or any(map(_holds_path, get_args(annotation)))


def _choices(annotation: object) -> tuple[str, ...]:
    """The words of a choice."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return parts
    return _choices(parts[0]) if NoneType in parts else ()


def _default(field: FieldInfo, option: Option) -> object:
    """The job's own, as typer shows it; nothing for no values."""
    if not isinstance(field.default, tuple):
        return field.default
    if option.commas:
        return ",".join(map(str, field.default)) or None
    return list(field.default) or None
