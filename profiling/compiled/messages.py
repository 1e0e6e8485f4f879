"""What passes between the caller and the child that compiles: JSON, one message a line."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from .spec import PhaseName, ProgramSpec


@dataclass(frozen=True)
class CompileRequest:
    """To the child, on its standard input."""

    spec: ProgramSpec
    store: str  # folder


@dataclass(frozen=True)
class Stage:
    """From the child: it compiles a phase now."""

    phase: PhaseName
    kind: Literal["stage"] = "stage"


@dataclass(frozen=True)
class Done:
    """From the child: a phase's entry is in the store."""

    phase: PhaseName
    key: str
    cached: bool
    kind: Literal["done"] = "done"


@dataclass(frozen=True)
class Failed:
    """From the child: the sentence for the user."""

    sentence: str
    kind: Literal["failed"] = "failed"


Message = Stage | Done | Failed

REQUEST: TypeAdapter[CompileRequest] = TypeAdapter(CompileRequest)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
