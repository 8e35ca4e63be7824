"""Pictures that models predict or rebuild, in figures beside the true ones."""
