"""The one error that model code raises for a mistake its user can mend."""


class ModelInputError(ValueError):
    """Says in one sentence what was wrong, where, and what to do; shown without a traceback."""
