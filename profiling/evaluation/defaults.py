"""What an evaluation tries where nothing else is said."""

STRATEGIES = ("direct", "greedy", "self-consistency:n=8")
BUDGETS = (4, 8, 16)
CHIP = "v5e"
ANSWER_BUDGET = 16
