"""Callbacks: what happens beside the training, such as pictures, checkpoints, evaluations and the run's record."""
