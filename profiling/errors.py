"""The errors that profiling code raises for what its user can mend or has ended."""


class ProfileInputError(ValueError):
    """Says in one sentence what was wrong, where, and what to do; shown without a traceback."""


class InterruptedRunError(Exception):
    """Ctrl-C: says in one sentence what was kept, and how to go on."""
