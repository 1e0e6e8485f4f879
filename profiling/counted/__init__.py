"""Counted lens: what the algorithm itself costs, exact and free of hardware.

`jaxpr` counts the operations of a traced program; `unit` finds from it what one token, one
query-key pair and one head position of a model cost; `passes` adds these up over the passes of a
phase together with the bytes that must move.
"""
