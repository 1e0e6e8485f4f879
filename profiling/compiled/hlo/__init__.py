"""Compiled HLO programs as small frozen dataclasses.

`proto` reads them from files and bytes, `module` holds them, `shape` knows sizes with tile padding.
"""
