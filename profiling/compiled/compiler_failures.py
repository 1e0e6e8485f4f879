"""How XLA fails in a process that works for us, each way in one sentence."""

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
        if match := pattern.search(error):
            needed, unit, there, there_unit = match.groups()
            return (
                f"{phase} does not fit {target}: it needs {_gb(needed, unit)} of each device's "
                f"{_gb(there, there_unit)} of HBM; take a larger slice, a smaller batch or a "
                "shorter context"
            )
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    first = lines[0][:_LONGEST] if lines else "it did not say why"
    return f"the compiler refused {phase} for {target}: {first}"


def crash_sentence(status: int, log: str, target: str) -> str:
    """How the process that compiled ended."""
    return f"the compiler for {target} {end_of(status, log)}"


def end_of(status: int, log: str) -> str:
    """How a process ended, with the line of its log that says most: 'ended with status 3: ...'."""
    how = f"ended with status {status}"
    if status < 0:
        names = {number.value: number.name for number in signal.Signals}
        how = f"was ended by {names.get(-status, f'signal {-status}')}"
        if -status == signal.SIGKILL:
            how += " (did the machine run out of memory?)"
    lines = [line for line in log.splitlines() if _LOG_PREFIX.sub("", line).strip()]
    checks = [line for line in lines if "Check failed" in line]
    fatal = checks or [line for line in lines if _FATAL.search(line)]
    telling = [_LOG_PREFIX.sub("", line).strip() for line in fatal or lines]
    last = f": {telling[-1][:_LONGEST]}" if telling else ", without a word"
    return how + last


def _gb(amount: str, unit: str) -> str:
    return f"{float(amount) * _BINARY[unit] / 1e9:.2f} GB"
