"""`python -m rooflink`, and `python -m rooflink.profiling` in a checkout: the command line."""

from rooflink.profiling.cli import main

main()
