"""The TensorBoard plugin: serves the tab, and the runs under TensorBoard's log directory."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.resources import files
from typing import TypeAlias
from urllib.parse import urlsplit

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from ...tpu_configs.input_errors import one_line
from ..errors import ProfileInputError
from ..reports.document import printable
from ..reports.renderers import html
from ..reports.renderers.vega import vega_bundle
from .runs import Problem, Runs, local_folder
from .view import request_of, view

App: TypeAlias = Callable[..., Iterable[bytes]]
METHODS = ("GET", "HEAD", "POST")  # TensorBoard's own tabs post what they ask for
Answer = Callable[[wrappers.Request], wrappers.Response]
NO_LOGDIR = "rooflink reads one local log directory: start TensorBoard with --logdir DIR."
DARK = ':root[data-theme="dark"]'


class RooflinkPlugin(base_plugin.TBPlugin):
    """The rooflink tab. TensorBoard finds it by the entry point in pyproject.toml."""

    plugin_name = "rooflink"

    def __init__(self, context: base_plugin.TBContext) -> None:
        super().__init__(context)
        self._logdir = printable(context.logdir or "")
        self._runs, self._problem = None, NO_LOGDIR
        if context.logdir:
            try:
                self._runs = Runs(local_folder(context.logdir))
            except ProfileInputError as error:
                self._problem = str(error)

    def get_plugin_apps(self) -> Mapping[str, Callable[..., object]]:
        """Routes under data/plugin/rooflink."""
        answers: dict[str, Answer] = {route: partial(_static, route) for route in STATIC}
        answers |= {"/runs": self._list, "/view": self._view}
        return {
            route: wrappers.Request.application(partial(_read_only, answer))
            for route, answer in answers.items()
        }

    def is_active(self) -> bool:
        """Whether there is a profile to show, or to complain of."""
        return self._runs is not None and self._runs.any()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Where the tab begins."""
        return base_plugin.FrontendMetadata(
            es_module_path="/index.js", tab_name="rooflink", disable_reload=True
        )

    def _list(self, request: wrappers.Request) -> wrappers.Response:
        """Names of the runs, and a sentence for each file that cannot be shown."""
        runs, problems = list[str](), [Problem("", self._problem)]
        if self._runs:
            runs, problems = self._runs.listed()
        listed = {
            "logdir": self._logdir,
            "runs": runs,
            "problems": [vars(problem) for problem in problems],
        }
        return http_util.Respond(request, listed, "application/json")

    def _view(self, request: wrappers.Request) -> wrappers.Response:
        """What is chosen, under the sliders."""
        try:
            chosen = request_of(request.args)
        except ProfileInputError as error:
            return _error(request, str(error), 400)
        try:
            names = filter(None, (chosen.run, chosen.other))
            read = {name: self._runs.profile(name) for name in names} if self._runs else {}
            profiles = {name: profile for name, profile in read.items() if profile is not None}
            if chosen.run not in profiles:
                sentence = f"There is no run '{chosen.run}' any more: load the runs again."
                return _error(request, one_line(sentence), 404)
            shown, document = view(profiles, chosen)
            answer = {"controls": shown, "headline": document.headline, "html": html.body(document)}
        except ProfileInputError as error:
            return _error(request, str(error), 422)
        except (ArithmeticError, ValueError):  # a file may hold whatever figures it likes
            sentence = f"The figures of '{chosen.run}' cannot be drawn: no chip or model has such."
            return _error(request, one_line(sentence), 422)
        return http_util.Respond(request, answer, "application/json")


def _static(route: str, request: wrappers.Request) -> wrappers.Response:
    kind = "text/css" if route.endswith(".css") else "text/javascript"
    return http_util.Respond(request, STATIC[route](), kind)


def _read_only(answer: Answer, request: wrappers.Request) -> wrappers.Response:
    """The answer to GET and HEAD; there is nothing else to do here."""
    return answer(request) if request.method in ("GET", "HEAD") else _refused(request, "GET, HEAD")


def _refused(request: wrappers.Request, methods: str) -> wrappers.Response:
    answer = _error(request, f"Only {methods} are answered here.", 405)
    answer.headers["Allow"] = methods
    return answer


def _error(request: wrappers.Request, sentence: str, code: int) -> wrappers.Response:
    return http_util.Respond(request, {"error": sentence}, "application/json", code=code)


def _own(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


STATIC: Mapping[str, Callable[[], str]] = {
    "/index.js": lambda: _own("index.js"),
    "/board.css": lambda: html.style(DARK) + _own("board.css"),
    "/report.js": html.script,
    "/vega.js": vega_bundle,
}
"""What the tab is made of: its own files, the reports' style and script, and what draws charts."""


def guarded(app: App, host: str) -> App:
    """`app`, answering to this machine's names and to addresses alone, and to METHODS.

    A page of another site whose name is made to mean this machine (DNS rebinding) gets nothing.
    """
    names = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}

    @wrappers.Request.application
    def answer(request: wrappers.Request) -> App:
        if not _is_own(request.environ.get("HTTP_HOST", ""), names):
            sentence = "This name is not the server's: `rooflink board DIR --host NAME` gives it."
            return _error(request, sentence, 403)
        return app if request.method in METHODS else _refused(request, ", ".join(METHODS))

    return answer


def _is_own(host: str, names: set[str]) -> bool:
    """Whether a Host header names one of `names` or is an address."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name in names or name.endswith(".localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
