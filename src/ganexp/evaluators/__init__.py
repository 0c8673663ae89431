"""Evaluators: the classifiers from whose features and classes metrics are computed, how they are trained, and the files
of those that come with ganexp."""
