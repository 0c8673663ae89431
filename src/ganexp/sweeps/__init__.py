"""Sweeps: their folders, how they go on, and where their jobs run."""
