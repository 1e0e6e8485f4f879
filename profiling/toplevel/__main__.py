"""`python -m rooflink`: the command line."""

from rooflink.profiling.cli import main

main()
