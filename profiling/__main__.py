"""`python -m rooflink.profiling`: the command line."""

from .cli import main

main()
