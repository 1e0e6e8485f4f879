"""How wrong the predictions are: worked problems with answers, and published measurements.

`measurements` reads published tables into cases, `worked` solves textbook problems with our own
functions; `validate` sets predictions against what was measured, `peers` against other tools'.
"""
