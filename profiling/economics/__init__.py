"""Economics: dollars, joules at the wall and grams of CO2e of a prediction, on stated terms.

price (and ownership) say what a chip costs for an hour, grid what its electricity emits, overheads
what a server and a data center take beside the chips; costing multiplies, intervals and all.
"""
