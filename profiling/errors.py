"""The one error that profiling code raises for a mistake its user can mend."""


class ProfileInputError(ValueError):
    """Says in one sentence what was wrong, where, and what to do; shown without a traceback."""
