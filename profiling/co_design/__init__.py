"""Co-design: what each change of chip or model is worth, from the predicted lens.

design_point (a design and draws) -> costs (of phases, differentiable by every hardware parameter)
-> crossovers, levers, what_if, chip_search, ranking, data_center -> analyse, the report.
"""
