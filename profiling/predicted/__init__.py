"""Predicted lens: what a phase would take on a described slice, with an interval.

shape, load -> work (what one step asks of one chip) -> time_model (terms and seconds), all in JAX:
every field may be an array, and one call evaluates many points. calibration gives the achieved
shares of the datasheet figures and how uncertain they are; query puts it all together.
"""
