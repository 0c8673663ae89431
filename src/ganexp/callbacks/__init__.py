"""What happens beside the training: pictures, checkpoints, figures, and the run's record."""
