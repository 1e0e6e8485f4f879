"""Chat templates: a source's own way to write a prompt, rendered by `template_worker`."""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock

from . import template_worker
from .config import ModelInputError

MOST_TEMPLATE_CHARACTERS = 1 << 20
"""Public templates have up to 20,000."""


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja2 template, the file or folder it is from, and the texts of the special tokens that
    it may use, such as {"bos_token": "<s>"}."""

    source: str
    where: str
    special_tokens: Mapping[str, str] = field(default_factory=dict)

    def prompt(self, user: str) -> str:
        """The prompt that asks for an answer to `user`; ModelInputError where it cannot be made."""
        return self.render([{"role": "user", "content": user}])

    def render(self, messages: list[dict[str, object]], **more: object) -> str:
        """What transformers' `apply_chat_template` renders of `messages`, with what it is given
        beside them (`tools`, `add_generation_prompt` ...)."""
        if len(self.source) > MOST_TEMPLATE_CHARACTERS:
            raise ModelInputError(
                f"the chat template of {self.where} has {len(self.source):,} characters, of at "
                f"most {MOST_TEMPLATE_CHARACTERS:,} that are read."
            )
        usual = {"tools": None, "documents": None, "add_generation_prompt": True}
        variables = {**self.special_tokens, **usual, "messages": messages, **more}
        reply = _worker().ask({"template": self.source, "variables": variables})
        prompt, problem = reply.get("prompt", ""), reply.get("error")
        if any("\ud800" <= c <= "\udfff" for c in prompt):
            problem = "writes half of a surrogate pair, which is no text"
        if problem is not None:
            raise ModelInputError(f"the chat template of {self.where} {problem}.")
        return prompt


class _Worker:
    """The process that renders; started when first needed, and anew when a template ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = Lock()
        atexit.register(self._close)

    def ask(self, request: Mapping[str, object]) -> dict[str, str]:
        """The worker's reply; an "error" where the template ended it."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._close()  # a Ctrl-C ended it too
            process = self._process = self._process or _started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:  # it ended while it was written to
                line = ""
            except BaseException:  # Ctrl-C: its reply would be taken for the next one's
                self._close()
                raise
            if line.endswith("\n"):
                reply: dict[str, str] = json.loads(line)
                return reply
            code = process.wait()
            self._close()
            slow = hasattr(signal, "SIGPROF") and code == -signal.SIGPROF
            limit = f"takes more than {template_worker.MOST_CPU_S:g} s"
            return {"error": limit if slow else f"ended the process that renders it ({code})"}

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError), process:  # of what was never read of its input
                pass


def _started() -> subprocess.Popen[str]:
    """Its own folder is kept off the path (-P), and so shadows no module."""
    try:
        return subprocess.Popen(
            [sys.executable, "-P", str(Path(template_worker.__file__))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            encoding="ascii",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
    except OSError as error:
        raise ModelInputError(
            f"no process to render a chat template in ({error}): close others, or give prompts "
            "as text"
        ) from error


@cache
def _worker() -> _Worker:
    return _Worker()
