"""The files that pass between rooms."""
