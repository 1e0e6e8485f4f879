"""The one error that chip files and names raise for a mistake their user can mend."""


class ChipInputError(ValueError):
    """Says in one sentence what was wrong, where, and what to do; shown without a traceback."""
