"""A profile of a strategy: what it is asked for, run under the clock, and told from its pass logs.

Whatever phases a strategy notes are a profile's phases; nothing here knows any of them by name.
"""
