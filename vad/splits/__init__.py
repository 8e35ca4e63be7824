"""Which video belongs to which part."""
