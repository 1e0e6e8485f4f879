"""Charts, each one function from a record's rows to a Vega-Lite specification."""
