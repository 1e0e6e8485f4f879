"""`rooflink board`: TensorBoard with the rooflink tab."""

import json as jsonlib
import threading
from pathlib import Path
from typing import Annotated

import typer

from ..errors import settled


def board_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run, or a directory of runs.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="[default: 6006 or the next free; 0: any free one]"),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the address as JSON; then serve as without.")
    ] = False,
) -> None:
    """Show runs in TensorBoard, with the rooflink tab; Ctrl-C ends it.

    The tab draws the roofline of each run's phases and lets you change a chip's bandwidth and
    FLOP/s, see what bounds each phase then, and set two runs side by side; it loads nothing from
    the network (XProf's overview does: its charts' library). Traces (`profile --trace`,
    `compile --xprof`) are in XProf's own tab, where rooflink[xprof] is installed.

    Examples:

        rooflink board runs

        rooflink board runs/monday --port 8080
    """
    from ..board.runs import HOW, has_sessions, has_xprof
    from ..board.server import start

    try:
        missing = HOW if has_sessions(folder) and not has_xprof() else None
        if missing and not json:
            print(f"There are traces for XProf's tab, which is missing here: {missing}", flush=True)
        url = start(folder, host, port)
        told = f"TensorBoard with the rooflink tab: {url}"
        print(jsonlib.dumps({"url": url, "xprof_missing": missing}) if json else told, flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        settled()
        print()
