"""Chips as published: one TOML file each, every figure with unit, source, date and confidence."""
