"""Training of small reasoners on this machine: recipes, data, the loop, and its methods."""
