"""TensorBoard with the rooflink tab, on one directory."""

from pathlib import Path

from tensorboard import default, program

from ..errors import ProfileInputError
from .plugin import RooflinkPlugin
from .runs import (
    HOW,
    PROFILE,
    TAB,
    files_under,
    has_sessions,
    has_xprof,
    is_event_file,
    is_session_file,
)


def require_shown(folder: Path) -> None:
    """Raise ProfileInputError where TensorBoard would have nothing to show."""
    how = f"`rooflink profile --out {folder / 'run'}` makes a run there"
    if not folder.exists():
        raise ProfileInputError(f"no directory at {folder}: {how}")
    if not folder.is_dir():
        raise ProfileInputError(f"{folder} is a file: give the directory of runs that it lies in")
    found = session = False
    for path in files_under(folder):
        if path.name == PROFILE or is_event_file(path):
            return
        found, session = True, session or is_session_file(path)
    if session and has_xprof():
        return
    if session:
        raise ProfileInputError(f"{folder} holds sessions for XProf alone: {HOW} shows them")
    if found:
        raise ProfileInputError(
            f"nothing under {folder} is a run: no {PROFILE} and no TensorBoard event file; {how}"
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
    board = program.TensorBoard(plugins=[*others, RooflinkPlugin])
    options = {"logdir": str(folder.resolve()), "host": host}
    board.configure(**options, **({} if port is None else {"port": port}))
    try:
        url = board.launch()
    except program.TensorBoardServerException as error:
        raise ProfileInputError(
            f"cannot serve at {host}:{6006 if port is None else port}: "
            f"{' '.join(error.msg.split())}"
        ) from None
    alone = not any(path.name == PROFILE for path in files_under(folder))
    return f"{url}#{TAB if alone and has_sessions(folder) else RooflinkPlugin.plugin_name}"
