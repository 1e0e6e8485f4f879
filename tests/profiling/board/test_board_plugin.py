"""The plugin as TensorBoard asks it: its routes, its files, its data."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client, TestResponse

from rooflink.profiling.board.plugin import RooflinkPlugin, static_files
from rooflink.profiling.records import Profile

ROOT = Path(__file__).parents[3]


def plugin_on(logdir: Path | None) -> RooflinkPlugin:
    return RooflinkPlugin(TBContext(logdir=None if logdir is None else str(logdir)))


def ask(plugin: RooflinkPlugin, route: str, query: str = "") -> TestResponse:
    return Client(plugin.get_plugin_apps()[route]).get(route, query_string=query)


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = project["entry-points"]["tensorboard_plugins"]["rooflink"]
    assert named == f"{RooflinkPlugin.__module__}:{RooflinkPlugin.__name__}"


def test_the_list_and_a_run(profiles: dict[str, Profile], logdir: Path) -> None:
    plugin = plugin_on(logdir)
    assert plugin.is_active()
    listed = json.loads(ask(plugin, "/runs").data)
    assert listed == {"logdir": str(logdir), "runs": ["monday", "week/tuesday"], "problems": []}
    found = json.loads(ask(plugin, "/run", "name=week%2Ftuesday").data)
    profile = profiles["week/tuesday"]
    assert [phase["phase"] for phase in found["phases"]] == ["prefill", "think", "answer"]
    assert [place["chip"] for place in found["floor"]] == [p.chip for p in profile.placements]
    assert found["floor"][0]["phases"][0]["terms"]["power"] is None
    (predicted,) = found["predicted"]
    assert (predicted["name"], predicted["chips"]) == ("v5e:2x4", 8)
    assert len(found["thought"]) == len(profile.thought)


def test_an_unknown_run_is_a_sentence(logdir: Path) -> None:
    for name in ("wednesday", "..%2F..%2Fetc", ""):
        answer = ask(plugin_on(logdir), "/run", f"name={name}")
        assert answer.status_code == 404
        assert "There is no run" in json.loads(answer.data)["error"]


def test_without_runs_the_tab_rests(tmp_path: Path) -> None:
    assert not plugin_on(tmp_path).is_active()
    assert json.loads(ask(plugin_on(tmp_path), "/runs").data)["runs"] == []
    nowhere = plugin_on(None)  # e.g. --logdir_spec
    assert not nowhere.is_active()
    assert "--logdir DIR" in json.loads(ask(nowhere, "/runs").data)["problems"][0]["sentence"]


def test_each_static_file_is_served_and_imports_only_its_kin() -> None:
    plugin = plugin_on(None)
    assert plugin.frontend_metadata().es_module_path in plugin.get_plugin_apps()
    for name in static_files():
        answer = ask(plugin, f"/static/{name}")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert answer.headers["Content-Type"].startswith(kind)
        text = files("rooflink.profiling.board").joinpath("static", name).read_text()
        assert answer.data.decode() == text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), name


@pytest.mark.parametrize("name", ["../plugin.py", "secret.js", ""])
def test_nothing_else_is_served(name: str) -> None:
    assert f"/static/{name}" not in plugin_on(None).get_plugin_apps()
