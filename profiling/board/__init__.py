"""The rooflink tab of TensorBoard: a dynamic plugin, what it reads, and the server that shows it.

Python finds the runs and says what each phase's time is made of (`predicted.phase_terms`); the
browser moves the terms with its sliders by the same formula (`static/terms.js`), which a test holds
to Python's.
"""
