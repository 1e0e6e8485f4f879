"""Builders of a document's sections, by subject: records in, tables, charts and notes out."""
