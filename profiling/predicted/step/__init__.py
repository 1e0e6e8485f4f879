"""One step: what it asks of each chip, by a model's shape and mesh, and the seconds that takes."""
