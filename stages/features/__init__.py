"""Room features."""
