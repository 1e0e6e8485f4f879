"""What each instruction of a compiled program moves, on one device, loops multiplied out.

`walk` goes through the program as it runs; `loops` says how often, `spans` which part of each
operand is touched, `origins` whose data it is, `scopes` for which part of the model;
`collectives` and `custom_calls` treat what XLA's own rules do not cover. `record` is the result.
"""
