"""Compiled HLO programs as small frozen dataclasses.

`schema` names the protobuf fields that are read, `shape` knows sizes with tile padding, `module`
holds the program, `convert` makes it from protobuf messages, `reading` from files and bytes.
"""
