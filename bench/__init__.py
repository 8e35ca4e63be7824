"""Measurements that a person runs: `make bench`, `make bench-gpu`."""
