"""Metrics, their intervals, and the conventions behind them."""
