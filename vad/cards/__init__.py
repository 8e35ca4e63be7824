"""Cards: what a reader must know of a model or of a data set before using it, for people and for machines."""
