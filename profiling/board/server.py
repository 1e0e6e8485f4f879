"""TensorBoard with the rooflink tab, on one directory."""

import os
from pathlib import Path

from tensorboard import default, program

from ..errors import ProfileInputError
from . import runs
from .plugin import App, RooflinkPlugin, guarded


def require_shown(folder: Path) -> None:
    """Raise ProfileInputError where TensorBoard would have nothing to show."""
    how = f"`rooflink profile --out {folder / 'run'}` makes a run there"
    if not os.path.exists(folder):  # never raises, as Path.exists does of a long path
        raise ProfileInputError(f"no directory at {folder}: {how}")
    if not os.path.isdir(folder):
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
    folder = runs.local_folder(folder)
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
