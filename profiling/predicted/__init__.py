"""Predicted lens: what a phase would take on a described slice, with an interval.

step_work (what one step asks of one chip) -> time_model (terms and seconds). Every field may be an
array, so that one call evaluates many points (see arrays). calibration gives the achieved shares of
the datasheet figures and how uncertain they are; predict puts it all together.
"""
