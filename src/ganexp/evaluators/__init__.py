"""Evaluators: classifiers whose features and classes the metrics are made of, how they are trained, and the files of
those that come with ganexp."""
