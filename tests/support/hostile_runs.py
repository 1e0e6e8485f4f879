"""Runs that somebody else made to do harm, for the tab: files, links, names, figures and texts; and
the tab as it answers a request."""

import json
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

from real_records import RECORDS
from tensorboard.plugins.base_plugin import TBContext
from werkzeug import wrappers
from werkzeug.test import create_environ, run_wsgi_app

from rooflink.profiling.board.plugin import App, RooflinkPlugin, guarded

ANSWERED = {200, 400, 403, 404, 405, 422}  # statuses of the tab
PAYLOAD = "\"'><img src=x onerror=owned()></script><script>owned()</script>\x1b[31m\u202e[/red]${1}"
SECRET = "secret-of-another-folder"
FREE = {"name", "model", "sentence", "basis", "command", "prompt", "thought", "answer", "strategy",
        "device", "host", "task", "sampling", "text", "note", "dtype", "slice",
        "phase"}  # fmt: skip
Json = dict[str, object]


def record() -> Json:
    """A sound profile.json as data."""
    held: Json = json.loads((RECORDS / "run.json").read_text(encoding="utf-8"))
    return held


def make_hostile_runs(logdir: Path, outside: Path) -> int:
    """Fill `logdir`, most runs a folder each; `outside` is a run that must not be shown. Returns
    how many."""
    sound = json.dumps(record())
    outside.mkdir(parents=True)
    (outside / "profile.json").write_text(
        sound.replace('"name":', f'"name": "{SECRET}", "was":', 1)
    )
    (outside / "events.out.tfevents.1.other").write_bytes(SECRET.encode())
    made = [
        *_files(sound),
        *_figures(),
        *((None, _written(text)) for text in text_runs()),
        *_folders(sound),
    ]
    for index, (name, make) in enumerate(made):
        folder = logdir / (name if isinstance(name, str) else f"{index:02}-run")
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
    _links(logdir, outside, sound)
    return len(list(logdir.iterdir()))


Make = Callable[[Path], object]


def text_runs() -> list[str]:
    """Sound profiles as JSON, but for texts that would be markup or a script."""
    made = []
    for payload in (PAYLOAD, "{{ 7*7 }}", "javascript:owned()", "x" * 100_000):
        held = record()
        _fill(held, payload)
        made.append(json.dumps(held))
    return made


def _written(data: bytes | str) -> Make:
    raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    return lambda folder: (folder / "profile.json").write_bytes(raw)


def _files(sound: str) -> Iterator[tuple[None, Make]]:
    """Files that are no profile, or not the way they are written."""
    texts = [
        "", "{", "[]", "null", "1e999", "NaN", '"\ud800"', "[" * 5000, '{"a":' * 3000, "9" * 5000,
        sound[: len(sound) // 2], sound + "x", "\ufeff" + sound, sound.replace("1", "1" * 400, 1),
        '{"schema_version": "rooflink.profile/99"}', "\x00" * 1000,
    ]  # fmt: skip
    for text in texts:
        yield None, _written(text)
    yield None, _written(b"\x1f\x8b\x08" + b"\xff" * 100)
    yield None, lambda folder: os.mkfifo(folder / "profile.json")
    yield None, lambda folder: os.mkfifo(folder / "events.out.tfevents.1.x")
    yield None, lambda folder: (folder / "profile.json").mkdir()
    yield None, lambda folder: os.truncate(_touched(folder / "profile.json"), 80 << 20)
    yield None, lambda folder: os.truncate(_touched(folder / "events.out.tfevents.9.x"), 1 << 34)


def _touched(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _changed(*places: tuple[tuple[str | int, ...], object]) -> Make:
    """The sound record with values put in their places."""
    held = record()
    for keys, value in places:
        part: object = held
        for key in keys[:-1]:
            part = part[key]  # type: ignore[index]
        part[keys[-1]] = value  # type: ignore[index]
    return _written(json.dumps(held))


def _figures() -> Iterator[tuple[None, Make]]:
    """Figures of no chip and no model."""
    chip, phase = ("placements", 0), ("phases", 1, "counted")
    for value in (0, -1, 1e-320, 1.7e308, 10**400):
        yield None, _changed(((*chip, "peak_flops"), value))
        yield None, _changed(((*chip, "hbm_bandwidth"), value))
    for value in (-1, 1.7e308, 10**300):
        yield None, _changed(((*phase, "flops"), value))
        yield None, _changed(((*phase, "hbm_bytes", "weights"), value))
    yield None, _changed(((*chip, "chips"), 0))
    yield None, _changed(((*chip, "chips"), -4))
    median = ("predictions", 0, "phases", 1, "time_s", "median")
    for value in (0, -1.0, 1e-300, 1e300):
        yield None, _changed((median, value))
    yield None, _changed((("phases",), []), (("predictions",), []), (("placements",), []))


def _fill(part: object, payload: str) -> None:
    """Every free text of the record."""
    items = part.items() if isinstance(part, dict) else enumerate(part)  # type: ignore[arg-type]
    for key, value in list(items):
        if isinstance(value, dict | list):
            _fill(value, payload)
        elif isinstance(value, str) and key in FREE:
            part[key] = payload  # type: ignore[index]


def _folders(sound: str) -> Iterator[tuple[str, Make]]:
    """Folders with names that are no plain words; most have nothing to draw."""
    bare = _changed((("phases",), []), (("predictions",), []), (("placements",), []))
    names = [
        "<img src=x onerror=owned()>", "a\nb\x1b[31mc", "\u202egnp.exe", "..%2f..%2fetc",
        "'quote\"", "[/red]", "x" * 255, "[?]|beside|b", "a:Q", "{{ 7*7 }}", "a&b=c#d?e",
        os.fsdecode(b"\xff\xfe"), "\\xff\\xfe", " ",
    ]  # fmt: skip
    for index, name in enumerate(names):
        yield name, bare if index else _written(sound)
    yield "deep/" + "/".join("d" * 40), _written(sound)


def _links(logdir: Path, outside: Path, sound: str) -> None:
    """Links out of a run, into nothing and around in circles."""
    run = logdir / "links"
    run.mkdir()
    (run / "profile.json").symlink_to(outside / "profile.json")
    (run / "events.out.tfevents.1.link").symlink_to(outside / "events.out.tfevents.1.other")
    (run / "elsewhere").symlink_to(outside)
    (run / "root").symlink_to("/")
    (run / "self").symlink_to(run)
    (run / "up").symlink_to("..")
    loop = logdir / "loop"
    loop.mkdir()
    (loop / "profile.json").symlink_to("profile.json")
    (logdir / "nothing").symlink_to("not-there")
    (logdir / "above").symlink_to(logdir.parent)
    whole = logdir / "whole"
    whole.mkdir()
    (whole / "profile.json").write_text(deepcopy(sound))


def app_on(logdir: Path) -> App:
    """The tab's routes as `rooflink board` serves them."""
    routes = RooflinkPlugin(TBContext(logdir=str(logdir))).get_plugin_apps()

    @wrappers.Request.application
    def app(request: wrappers.Request) -> object:
        return routes.get(request.path, wrappers.Response("", 404))

    return guarded(app, "localhost")


def ask(app: App, path: str, query: str = "", method: str = "GET", host: str = "localhost:6006",
        **environ: str) -> tuple[int, bytes]:  # fmt: skip
    """Status and body; the parts go in as bytes of Latin 1, as a server hands them on."""
    asked = create_environ() | environ
    asked |= {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method, "HTTP_HOST": host}
    answer, status, _ = run_wsgi_app(app, asked, buffered=True)
    return int(status.split()[0]), b"".join(answer)
