"""Pairs of networks. Each file is one architecture for any image shape it can make."""
