"""The plugin as TensorBoard asks it: its routes, its files, its data."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from html_page import parsed
from real_records import real_prediction
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client, TestResponse, create_environ, run_wsgi_app

from rooflink.profiling.board.plugin import STATIC, RooflinkPlugin, guarded
from rooflink.profiling.records import Profile
from rooflink.profiling.reports.units import seconds

ROOT = Path(__file__).parents[3]


def plugin_on(logdir: Path | None) -> RooflinkPlugin:
    return RooflinkPlugin(TBContext(logdir=None if logdir is None else str(logdir)))


def ask(plugin: RooflinkPlugin, route: str, query: str = "") -> TestResponse:
    return Client(plugin.get_plugin_apps()[route]).get(route, query_string=query)


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = project["entry-points"]["tensorboard_plugins"]["rooflink"]
    assert named == f"{RooflinkPlugin.__module__}:{RooflinkPlugin.__name__}"


def test_the_newest_run_comes_first(profiles: dict[str, Profile], logdir: Path) -> None:
    plugin = plugin_on(logdir)
    assert plugin.is_active()
    listed = json.loads(ask(plugin, "/runs").data)
    assert listed == {"logdir": str(logdir), "runs": ["week/tuesday", "monday"], "problems": []}


def test_a_view_has_its_controls_and_figures(logdir: Path) -> None:
    found = json.loads(ask(plugin_on(logdir), "/view", "run=week%2Ftuesday").data)
    assert found["controls"]["place"] == "v5e:2x4"
    predicted = seconds(real_prediction().time_s.median)
    assert found["headline"].startswith(f"week/tuesday takes about {predicted} on v5e:2x4.")
    page = parsed(found["html"])
    assert page.tags.count("figure") == 4
    assert {"prefill", "think", "answer"} <= set(page.words)


@pytest.mark.parametrize("name", ["wednesday", "..%2F..%2Fetc", ""])
def test_an_unknown_run_is_a_sentence(logdir: Path, name: str) -> None:
    answer = ask(plugin_on(logdir), "/view", f"run={name}")
    assert answer.status_code == 404
    assert "There is no run" in json.loads(answer.data)["error"]


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "1e9", "x"])
def test_a_factor_that_no_slider_has_is_a_sentence(logdir: Path, factor: str) -> None:
    answer = ask(plugin_on(logdir), "/view", f"run=monday&memory={factor}")
    assert answer.status_code == 400
    assert "memory is no factor from 1/16 to 16" in json.loads(answer.data)["error"]


def test_without_runs_the_tab_rests(tmp_path: Path) -> None:
    assert not plugin_on(tmp_path).is_active()
    assert json.loads(ask(plugin_on(tmp_path), "/runs").data)["runs"] == []
    nowhere = plugin_on(None)  # e.g. --logdir_spec
    assert not nowhere.is_active()
    assert "--logdir DIR" in json.loads(ask(nowhere, "/runs").data)["problems"][0]["sentence"]


def test_each_file_is_served_and_asks_for_nothing_elsewhere() -> None:
    plugin = plugin_on(None)
    assert plugin.frontend_metadata().es_module_path in plugin.get_plugin_apps()
    for route in STATIC:
        answer = ask(plugin, route)
        kind = "text/css" if route.endswith(".css") else "text/javascript"
        assert answer.headers["Content-Type"].startswith(kind)
        if route != "/vega.js":  # it names its licences
            assert "//" not in re.sub(r"(?m)^\s*//.*$| // .*$", "", answer.data.decode()), route


@pytest.mark.parametrize("name", ["../plugin.py", "secret.js", "page.js"])
def test_nothing_else_is_served(name: str) -> None:
    assert f"/{name}" not in plugin_on(None).get_plugin_apps()


def test_a_log_directory_of_another_machine_is_a_sentence() -> None:
    plugin = RooflinkPlugin(TBContext(logdir="gs://bucket/runs"))
    assert not plugin.is_active()
    (problem,) = json.loads(ask(plugin, "/runs").data)["problems"]
    assert "gs://bucket/runs is on another machine" in problem["sentence"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "OPTIONS", "FOO"])
def test_nothing_is_answered_but_get_and_head(logdir: Path, method: str) -> None:
    client = Client(plugin_on(logdir).get_plugin_apps()["/runs"])
    answer = client.open("/runs", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert client.head("/runs").data == b""


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:6006", 200), ("LOCALHOST", 200), ("127.0.0.1:6006", 200), ("[::1]:6006", 200),
        ("board.localhost", 200), ("10.0.0.7", 200), ("my-server:80", 200), ("evil.example", 403),
        ("localhost.evil.example", 403), ("localhost@evil.example", 403), ("", 403), ("[::1", 403),
    ],
)  # fmt: skip
def test_only_the_servers_own_names_are_answered(logdir: Path, host: str, status: int) -> None:
    """A page of another site cannot read the runs by a name that it makes to mean this machine."""
    app = guarded(plugin_on(logdir).get_plugin_apps()["/runs"], "my-server")
    asked = create_environ("/runs") | {"HTTP_HOST": host}
    assert run_wsgi_app(app, asked)[1].startswith(str(status))


def test_figures_that_cannot_be_drawn_are_a_sentence(logdir: Path) -> None:
    file = logdir / "monday" / "profile.json"
    held = json.loads(file.read_text())
    held["placements"][0]["peak_flops"] = 1e-320
    file.write_text(json.dumps(held))
    answer = ask(plugin_on(logdir), "/view", "run=monday&place=TPU%20v5e")
    listed = json.loads(ask(plugin_on(logdir), "/runs").data)
    sentences = [problem["sentence"] for problem in listed["problems"]]
    assert answer.status_code == 422 or "peak_flops" in sentences[0]


def test_a_run_of_more_than_a_page_can_draw_is_a_sentence(logdir: Path) -> None:
    file = logdir / "monday" / "profile.json"
    held = json.loads(file.read_text())
    file.write_text(json.dumps(held | {"phases": held["phases"][:1] * 101}))
    answer = ask(plugin_on(logdir), "/view", "run=week%2Ftuesday&other=monday")
    assert answer.status_code == 422
    assert "'monday' has more than 100 phases" in json.loads(answer.data)["error"]


def test_a_run_without_figures_of_a_chip_says_how_to_get_them(logdir: Path) -> None:
    file = logdir / "monday" / "profile.json"
    held = json.loads(file.read_text())
    file.write_text(json.dumps(held | {"placements": [], "predictions": []}))
    shown = json.loads(ask(plugin_on(logdir), "/view", "run=monday").data)
    assert "monday has no figures of a chip: profile it with --chip or" in shown["headline"]
