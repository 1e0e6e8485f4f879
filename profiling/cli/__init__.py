"""The command `rooflink`: options in, exit codes and one-sentence errors out.

What heeds signals and writes to stdout comes before typer and rich, which take long to import.
"""

import os
import sys
from io import TextIOWrapper

from ..errors import exit_code, heed_no_more_at_exit, heed_sigterm, held, silence

__all__ = ["main"]


def main() -> None:
    """Run the command line; a mistake of the user's ends in one sentence and exit code 2."""
    heed_sigterm()
    try:
        _open_streams()
        with held():  # a signal waits until the modules are whole
            from .app import code_of_command
        code = code_of_command()
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, e.g. `rooflink models | head`
        code = 0
        silence(sys.stdout)
    except KeyboardInterrupt as error:
        code = exit_code(type(error))
        print("interrupted: nothing was written", file=sys.stderr)
    except OSError as error:
        if error.filename is not None or _takes_more():
            raise
        code = 2
        silence(sys.stdout)
        reason = error.strerror or error
        print(f"error: cannot write to standard output: {reason}", file=sys.stderr)
    heed_no_more_at_exit()
    sys.exit(code)


def _open_streams() -> None:
    """Let no character fail that the terminal lacks, nor a stream that the shell has closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # as in `rooflink chips >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _takes_more() -> bool:
    """Whether stdout takes another line: else it is what failed, e.g. a full disk."""
    try:
        print(flush=True)
    except OSError:
        return False
    return True
