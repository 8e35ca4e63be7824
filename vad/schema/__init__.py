"""The shape of params.yaml, one module per section."""
