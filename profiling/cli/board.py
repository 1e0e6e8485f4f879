"""`rooflink board`: TensorBoard with the rooflink tab."""

import threading
from pathlib import Path
from typing import Annotated

import typer


def board_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run, or a directory of runs.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="[default: 6006 or the next free; 0: any free one]"),
    ] = None,
) -> None:
    """Show runs in TensorBoard, with the rooflink tab; Ctrl-C ends it.

    The tab draws the roofline of each run's phases and lets you change a chip's bandwidth and
    FLOP/s, see what bounds each phase then, and set two runs side by side. Nothing is loaded from
    the network. Traces (`profile --trace`, `compile --xprof`) are in XProf's own tab, where
    rooflink[xprof] is installed.

    Examples:

        rooflink board runs

        rooflink board runs/monday --port 8080
    """
    from ..board.runs import HOW, has_sessions, has_xprof
    from ..board.server import start

    try:
        if has_sessions(folder) and not has_xprof():
            print(f"There are traces for XProf's tab, which is missing here: {HOW}", flush=True)
        print(f"TensorBoard with the rooflink tab: {start(folder, host, port)}", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
