"""The models: each module has Config and Model."""
