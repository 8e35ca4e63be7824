"""The data sets: each module has Config and Dataset."""
