"""Metric formulas on arrays: no training, no networks, no files."""
