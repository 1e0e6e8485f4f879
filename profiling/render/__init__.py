"""Presentation of a profile: terminal, Markdown, HTML, TensorBoard. Reads the record alone."""
