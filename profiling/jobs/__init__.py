"""Jobs: what rooflink does, one frozen object a verb. Its fields are the options.

A job is the one declaration of its verb: types, defaults, bounds, help texts, what does not go
together, and `run`. The command line (`cli`) and the notebook's functions (`notebook`) are made
from it, so that an option exists in both or in neither.
"""
