"""Pairs of networks: architectures, such as mlp.py, and what they share."""
