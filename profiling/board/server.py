"""TensorBoard with the rooflink tab, on one directory."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from tensorboard import default, program
from werkzeug import wrappers

from ..errors import ProfileInputError
from . import runs
from .plugin import RooflinkPlugin

App: TypeAlias = Callable[..., Iterable[bytes]]
METHODS = ("GET", "HEAD", "POST")  # TensorBoard's own tabs post what they ask for


def require_shown(folder: Path) -> None:
    """Raise ProfileInputError where TensorBoard would have nothing to show."""
    folder = runs.local_folder(folder)
    how = f"`rooflink profile --out {folder / 'run'}` makes a run there"
    if not folder.exists():
        raise ProfileInputError(f"no directory at {folder}: {how}")
    if not folder.is_dir():
        raise ProfileInputError(f"{folder} is a file: give the directory of runs that it lies in")
    refused: list[str] = []
    found = session = False
    for path in runs.files_under(folder, lambda path, why: refused.append(f"{path} {why}")):
        if runs.is_of_a_run(path):
            return
        found, session = True, session or runs.is_session_file(path)
    if session and runs.has_xprof():
        return
    if session:
        raise ProfileInputError(f"{folder} holds sessions for XProf alone: {runs.HOW} shows them")
    if refused:
        raise ProfileInputError(f"nothing under {folder} can be shown: {refused[0]}")
    if found:
        raise ProfileInputError(
            f"nothing under {folder} is a run: no {runs.PROFILE} and no TensorBoard event file; "
            f"{how}"
        )
    raise ProfileInputError(f"{folder} is empty: {how}")


def start(folder: Path, host: str, port: int | None) -> str:
    """Serve `folder` from a thread of its own and return the tab's address.

    Without a port it is 6006 or the next free one; 0 asks for any. Raises ProfileInputError where
    `require_shown` does and for an address that cannot be had.
    """
    require_shown(folder)
    # Where rooflink is installed its entry point brings the plugin; it may come only once.
    others = [plugin for plugin in default.get_plugins() if plugin is not RooflinkPlugin]

    def served(app: App, flags: object) -> object:
        return program.create_port_scanning_werkzeug_server(guarded(app, host), flags)

    board = program.TensorBoard(plugins=[*others, RooflinkPlugin], server_class=served)
    options = {"logdir": str(folder.resolve()), "host": host}
    board.configure(**options, **({} if port is None else {"port": port}))
    try:
        url = board.launch()
    except program.TensorBoardServerException as error:
        raise ProfileInputError(
            f"cannot serve at {host}:{6006 if port is None else port}: "
            f"{' '.join(error.msg.split())}"
        ) from None
    alone = not any(path.name == runs.PROFILE for path in runs.files_under(folder))
    tab = runs.TAB if alone and runs.has_sessions(folder) else RooflinkPlugin.plugin_name
    return f"{url}#{tab}"


def guarded(app: App, host: str) -> App:
    """`app`, answering to this machine's names and to addresses alone, and to METHODS.

    A page of another site whose name is made to mean this machine (DNS rebinding) gets nothing.
    """
    names = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}

    @wrappers.Request.application
    def answer(request: wrappers.Request) -> App:
        if not _is_own(request.environ.get("HTTP_HOST", ""), names):
            sentence = "This name is not the server's: `rooflink board DIR --host NAME` gives it.\n"
            return wrappers.Response(sentence, 403)
        if request.method not in METHODS:
            sentence = "This method is not answered here.\n"
            return wrappers.Response(sentence, 405, {"Allow": ", ".join(METHODS)})
        return app

    return answer


def _is_own(host: str, names: set[str]) -> bool:
    """Whether a Host header names one of `names` or is an address."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name in names or name.endswith(".localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
