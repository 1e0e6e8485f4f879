"""The command `rooflink`: options in, exit codes and one-sentence errors out."""

from .app import main

__all__ = ["main"]
