"""Measured lens, closer: one generation under jax.profiler, and its time by phase and scope.

`capture` records a session that XProf opens, `space` reads it, `threads` finds the work on a CPU's
threads and `cores` that on a TPU's, `places` says for which scope each instruction works, and
`table` adds up self times. `run` does all of it for one workload.
"""
