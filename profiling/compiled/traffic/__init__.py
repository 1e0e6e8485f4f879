"""What each instruction of a compiled program moves, on one device, loops multiplied out.

`walk` goes through the program as it runs; `trip_counts` says how often, `spans` which part of each
operand is touched, `buffers` whose data it is, `scopes` for which part of the model; `accesses`
puts them together, and treats collectives and custom calls, which XLA's own rules do not cover.
`traffic` is the result.
"""
