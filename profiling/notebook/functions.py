"""Functions made from jobs: the job's fields become keyword arguments, its docstring theirs."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic.fields import FieldInfo

from ..jobs.job import Job, options_of, perform
from .watching import watched

View = TypeVar("View")
Result = TypeVar("Result")
Parameter = inspect.Parameter


def function_of(
    job: type[Job],
    view: Callable[[Result], View],
    first: tuple[str, ...] = (),
    rest: str | None = None,
    write: Callable[[Result, Path], object] | None = None,
    taken: Mapping[str, Callable[[object], object]] | None = None,
) -> Callable[..., View]:
    """A function that runs `job` with progress where it is called, and returns `view(result)`.

    The options `first` may be given by place, and all further places are the option `rest`. What
    `taken` names goes through its function before the job has it.
    """

    def function(*places: object, progress: bool = True, **options: object) -> View:
        named = _named(places, first, rest, options)
        for name, convert in (taken or {}).items():
            if name in named:
                named[name] = convert(named[name])
        chosen = job(**named)
        with watched(progress) as watcher:
            return view(perform(chosen, watcher, "python", write))

    function.__signature__ = _signature(job, first, rest)  # type: ignore[attr-defined]
    function.__doc__ = f"{inspect.getdoc(job)}\n\nOptions:\n\n{_options(job)}"
    return function


def _named(
    places: tuple[object, ...],
    first: tuple[str, ...],
    rest: str | None,
    options: dict[str, object],
) -> dict[str, object]:
    """All options by name. Raises TypeError, as any function does, for a place too many."""
    named: dict[str, object] = dict(zip(first, places, strict=False))
    others = places[len(first) :]
    if others and rest is None:
        raise TypeError(f"takes {len(first)} arguments by place, got {len(places)}")
    if others:
        named[str(rest)] = others
    twice = named.keys() & options.keys()
    if twice:
        raise TypeError(f"got {min(twice)!r} twice")
    return named | options


def _signature(job: type[Job], first: tuple[str, ...], rest: str | None) -> inspect.Signature:
    fields = options_of(job)
    kinds = {
        **dict.fromkeys(first, Parameter.POSITIONAL_OR_KEYWORD),
        **({rest: Parameter.VAR_POSITIONAL} if rest else {}),
        **{name: Parameter.KEYWORD_ONLY for name in fields if name not in (*first, rest)},
    }
    parameters = [_parameter(name, fields[name][0], kind) for name, kind in kinds.items()]
    progress = Parameter("progress", Parameter.KEYWORD_ONLY, annotation=bool, default=True)
    return inspect.Signature([*parameters, progress])


def _parameter(name: str, field: FieldInfo, kind: "inspect._ParameterKind") -> Parameter:
    needed = field.is_required() or kind is Parameter.VAR_POSITIONAL
    default = Parameter.empty if needed else field.default
    return Parameter(name, kind, annotation=field.annotation, default=default)


def _options(job: type[Job]) -> str:
    """A line for each: what the command line's help says."""
    lines = [f"{name}: {option.help}" for name, (_, option) in options_of(job).items()]
    return "\n".join(lines)
