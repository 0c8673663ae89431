"""Metrics: pure functions from features and class probabilities to numbers."""
