"""Co-design: what each change of chip or model is worth, from the predicted lens.

point, draws -> costs (of phases, differentiable by every hardware parameter) -> elasticities,
levers, crossovers, what_if, search, ranking, datacenter, seeds -> analyse, the report's record.
"""
