"""Figures from tables: nothing here reads or writes a file."""
