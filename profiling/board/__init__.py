"""The rooflink tab of TensorBoard: a dynamic plugin, what it reads, and the server that shows it.

Python finds the runs and makes what the tab shows as a document (`view`); the browser draws it with
the reports' style and script, and asks for it anew where a slider moves.
"""
