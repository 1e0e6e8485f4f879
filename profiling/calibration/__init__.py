"""The fit of prediction's parameters on published measurements, and its test on held-out ones."""
