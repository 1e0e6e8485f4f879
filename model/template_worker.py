"""Renders chat templates, a stranger's programs, in a process of its own: run as a script.

Each line of input is a JSON object, {"template": ..., "variables": {...}}; each line of output one
with "prompt" or "error". The rules are those of transformers' `apply_chat_template` (5.x), but for
the date. A template that takes more memory or time than any needs ends by itself, or the process
does. Nothing of the package is imported, and so it starts within a tenth of a second.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

MOST_CPU_S = 1.0
MOST_MEMORY_BYTES = 512 << 20
MOST_PROMPT_CHARACTERS = 4 << 20

# Llama 3's template prints today's date; a prompt whose length changes by the day makes profiles
# that cannot be compared, so templates are told the date that Llama 3.1 falls back on.
TEMPLATE_DATE = datetime(2024, 7, 26)


class _Generation(Extension):
    """{% generation %} ... {% endgeneration %} around what the model says: rendered as it is."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 reads it of the class

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller: Macro) -> object:
        return caller()


class _Dict:
    """`dict` without the attributes of Python's own."""

    def __call__(self, *args: object, **values: object) -> dict[str, object]:
        return dict(*args, **values)

    def fromkeys(self, keys: Iterable[str], value: object = None) -> dict[str, object]:
        return dict.fromkeys(keys, value)


class _Namespace(Namespace):
    """`namespace`, which takes no name that begins with an underscore."""

    def __init__(*args: object, **values: object) -> None:
        for name in dict(*args[1:], **values):
            _require_public(name)
        Namespace.__init__(*args, **values)

    def __setitem__(self, name: str, value: object) -> None:
        _require_public(name)
        Namespace.__setitem__(self, name, value)


def _require_public(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace cannot hold {name!r}")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    for unused in ("lipsum", "cycler", "joiner"):
        del environment.globals[unused]
    environment.filters["tojson"] = _to_json
    environment.globals |= {
        "raise_exception": _raise_exception,
        "strftime_now": TEMPLATE_DATE.strftime,
        "dict": _Dict(),
        "namespace": _Namespace,
    }
    return environment


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


@lru_cache(maxsize=16)
def _compiled(source: str) -> jinja2.Template:
    return _environment().from_string(source)


def answer(request: Mapping[str, object]) -> dict[str, str]:
    """The prompt of one request, or what went wrong with its template."""
    at = "does not parse"
    try:
        template = _compiled(str(request["template"]))
        at = "refuses this prompt"
        variables = request["variables"]
        assert isinstance(variables, dict)
        prompt = template.render(**variables)
    except Exception as error:  # whatever a stranger's program raises is told
        kind = "" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: "
        return {"error": f"{at}: {kind}{str(error)[:200].rstrip('.')}"}
    if len(prompt) > MOST_PROMPT_CHARACTERS:
        return {"error": f"writes a prompt of {len(prompt):,} characters"}
    return {"prompt": prompt}


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limit; or it is lower
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))


def _timer() -> Callable[[float], object]:
    """Starts the time after which the system ends this process; 0 stops it."""
    if not hasattr(signal, "setitimer"):
        return lambda seconds: None
    return lambda seconds: signal.setitimer(signal.ITIMER_PROF, seconds)


def main() -> None:
    """Answer each request until the input ends."""
    _limit_memory()
    timer = _timer()
    for line in sys.stdin:
        timer(MOST_CPU_S)
        reply = json.dumps(answer(json.loads(line)))
        timer(0)
        print(reply, flush=True)


if __name__ == "__main__":
    main()
