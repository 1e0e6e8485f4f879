"""The TensorBoard plugin: serves the tab, and the runs under TensorBoard's log directory."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from ..errors import ProfileInputError
from ..reports.renderers import html
from ..reports.renderers.vega import vega_bundle
from .runs import Runs
from .view import request_of, view

DARK = ':root[data-theme="dark"]'


class RooflinkPlugin(base_plugin.TBPlugin):
    """The rooflink tab. TensorBoard finds it by the entry point in pyproject.toml."""

    plugin_name = "rooflink"

    def __init__(self, context: base_plugin.TBContext) -> None:
        super().__init__(context)
        self._logdir = context.logdir or ""
        self._runs = Runs(Path(self._logdir)) if self._logdir else None

    def get_plugin_apps(self) -> Mapping[str, Callable[..., object]]:
        """Routes under data/plugin/rooflink."""
        served = dict.fromkeys(STATIC, self._static)
        answers = served | {"/runs": self._list, "/view": self._view}
        return {route: wrappers.Request.application(each) for route, each in answers.items()}

    def is_active(self) -> bool:
        """Whether there is a profile to show, or to complain of."""
        return self._runs is not None and self._runs.any()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Where the tab begins."""
        return base_plugin.FrontendMetadata(
            es_module_path="/index.js", tab_name="rooflink", disable_reload=True
        )

    def _static(self, request: wrappers.Request) -> wrappers.Response:
        route = f"/{request.path.rpartition('/')[2]}"  # of STATIC: no other has a route
        kind = "text/css" if route.endswith(".css") else "text/javascript"
        return http_util.Respond(request, STATIC[route](), kind)

    def _list(self, request: wrappers.Request) -> wrappers.Response:
        """Names of the runs, and a sentence for each file that cannot be shown."""
        if self._runs is None:
            problem = "rooflink reads one local log directory: start TensorBoard with --logdir DIR."
            listed = {"logdir": "", "runs": [], "problems": [{"file": "", "sentence": problem}]}
        else:
            profiles, problems = self._runs.read()
            listed = {
                "logdir": self._logdir,
                "runs": list(profiles),
                "problems": [vars(problem) for problem in problems],
            }
        return http_util.Respond(request, listed, "application/json")

    def _view(self, request: wrappers.Request) -> wrappers.Response:
        """What is chosen, under the sliders."""
        profiles = self._runs.read()[0] if self._runs else {}
        try:
            chosen = request_of(request.args)
        except ProfileInputError as error:
            return _error(request, str(error), 400)
        if chosen.run not in profiles:
            sentence = f"There is no run '{chosen.run}' any more: load the runs again."
            return _error(request, sentence, 404)
        shown, document = view(profiles, chosen)
        answer = {"controls": shown, "headline": document.headline, "html": html.body(document)}
        return http_util.Respond(request, answer, "application/json")


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
