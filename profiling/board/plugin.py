"""The TensorBoard plugin: serves the tab's files and the runs under TensorBoard's log directory."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from .runs import Runs
from .view import run_view

CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css"}


class RooflinkPlugin(base_plugin.TBPlugin):
    """The rooflink tab. TensorBoard finds it by the entry point in pyproject.toml."""

    plugin_name = "rooflink"

    def __init__(self, context: base_plugin.TBContext) -> None:
        super().__init__(context)
        self._logdir = context.logdir or ""
        self._runs = Runs(Path(self._logdir)) if self._logdir else None

    def get_plugin_apps(self) -> Mapping[str, Any]:
        """Routes under data/plugin/rooflink."""
        served = {f"/static/{name}": self._static for name in static_files()}
        answers = served | {"/runs": self._list, "/run": self._run}
        return {route: wrappers.Request.application(each) for route, each in answers.items()}

    def is_active(self) -> bool:
        """Whether there is a profile to show, or to complain of."""
        return self._runs is not None and self._runs.any()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Where the tab begins."""
        return base_plugin.FrontendMetadata(
            es_module_path="/static/index.js", tab_name="rooflink", disable_reload=True
        )

    def _static(self, request: wrappers.Request) -> wrappers.Response:
        name = request.path.rpartition("/")[2]  # of static_files: no other has a route
        content = files(__package__).joinpath("static", name).read_bytes()
        return http_util.Respond(request, content, CONTENT_TYPES[Path(name).suffix])

    def _list(self, request: wrappers.Request) -> wrappers.Response:
        """Names of the runs, and a sentence for each file that cannot be shown."""
        if self._runs is None:
            problem = "rooflink reads one local log directory: start TensorBoard with --logdir DIR."
            found = {"logdir": "", "runs": [], "problems": [{"file": "", "sentence": problem}]}
        else:
            profiles, problems = self._runs.read()
            found = {
                "logdir": self._logdir,
                "runs": list(profiles),
                "problems": [vars(problem) for problem in problems],
            }
        return http_util.Respond(request, found, "application/json")

    def _run(self, request: wrappers.Request) -> wrappers.Response:
        """One run by name."""
        name = request.args.get("name", "")
        profiles = self._runs.read()[0] if self._runs else {}
        if name not in profiles:
            sentence = f"There is no run '{name}' any more: load the runs again."
            return http_util.Respond(request, {"error": sentence}, "application/json", code=404)
        view = {"run": name} | run_view(profiles[name])
        return http_util.Respond(request, view, "application/json")


def static_files() -> list[str]:
    """Names of the tab's own files: the only ones that are served."""
    return sorted(
        file.name
        for file in files(__package__).joinpath("static").iterdir()
        if Path(file.name).suffix in CONTENT_TYPES
    )
