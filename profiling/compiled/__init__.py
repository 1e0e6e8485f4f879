"""Compiled lens: what the executable that XLA made for a target really moves.

`hlo` reads a compiled program; `traffic` walks it with the lengths of its loops and says which
instruction moves how many bytes, at which memory level, for which part of the model.
"""
