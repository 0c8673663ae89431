"""Processes: this one and its signals, those that train a run together, and those that a launcher starts for jobs."""
