"""The errors that profiling code raises for what its user can mend or has ended."""

from ..tpu_configs.input_errors import InputError


class ProfileInputError(InputError):
    """A mistake in what the user gave rooflink: an option, a file, a workload."""


class InterruptedRunError(Exception):
    """Ctrl-C: says in one sentence what was kept, and how to go on."""
