"""The largest workloads that are predicted. Options and readers refuse what is beyond, before
anything is built in proportion to it; within, every figure of a prediction is finite.
"""

MOST_TOKENS = 10**9
"""Of a prompt, a thought or an answer: a hundred times the longest context that anyone serves."""
FEWEST_TOKENS = 1e-6
"""Of all thoughts together, for a price of a million: fewer are none."""
MOST_SEQUENCES = 10**9
"""Prompts of a batch, and attempts at each."""
MOST_SIZE = 10**8
"""Of a model: a width, a vocabulary, layers, experts; the largest published is 262,208."""
MOST_PARAMETERS = 10**15
"""Of one layer's attention, where they are stated: a thousand times the largest whole model."""
MOST_USD_PER_HOUR = 1e6
"""Of one chip: a hundred thousand times the dearest on sale."""
MOST_OVERHEAD = 100.0
"""Energy with a server or data center over energy without it."""
MOST_G_PER_KWH = 1e5
"""A hundred times what lignite emits."""
