"""One sentence for each way in which a compiler fails."""

import re
import signal

_UNIT = r"([\d.]+)\s*([KMGT]?)i?B?"
_OUT_OF_MEMORY = (
    re.compile(rf"required for HLO temporaries \({_UNIT}\) exceeds available HBM \({_UNIT}\)"),
    re.compile(rf"[Uu]sed {_UNIT} of {_UNIT} hbm"),
)
_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_FATAL = re.compile(r"^F\d{4} |Check fail|[Ff]atal|[Aa]bort|[Ee]rror")
_LOG_PREFIX = re.compile(r"^[EFIW]\d{4}[^\]]*\] ?")
_LONGEST = 300


def compiler_sentence(error: str, phase: str, target: str) -> str:
    """What the compiler's own error says of a phase's program for a target."""
    for pattern in _OUT_OF_MEMORY:
        found = pattern.search(error)
        if found:
            needed, unit, there, there_unit = found.groups()
            return (
                f"{phase} does not fit {target}: it needs {_gb(needed, unit)} of each device's "
                f"{_gb(there, there_unit)} of HBM; take a larger slice, a smaller batch or a "
                "shorter context"
            )
    return f"the compiler refused {phase} for {target}: {_first_line(error)}"


def crash_sentence(status: int, log: str, target: str) -> str:
    """How the process that compiled ended, with the line of its log that says most."""
    if status < 0:
        try:
            how = f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            how = f"was ended by signal {-status}"
        if -status == signal.SIGKILL:
            how += " (did the machine run out of memory?)"
    else:
        how = f"ended with status {status}"
    lines = [_LOG_PREFIX.sub("", line).strip() for line in log.splitlines()]
    telling = [
        clean
        for line, clean in zip(log.splitlines(), lines, strict=True)
        if clean and _FATAL.search(line)
    ] or [clean for clean in lines if clean]
    last = f": {telling[-1][:_LONGEST]}" if telling else ", without a word"
    return f"the compiler for {target} {how}{last}"


def _first_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[0][:_LONGEST] if lines else "it did not say why"


def _gb(amount: str, unit: str) -> str:
    """XLA's binary units in GB of 10^9 bytes."""
    return f"{float(amount) * _BINARY[unit] / 1e9:.2f} GB"
