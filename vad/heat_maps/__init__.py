"""Figures of stored score maps: the best, the median and the worst of the test list."""
