"""Losses and layers that several models share."""
