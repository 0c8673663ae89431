"""Pairs of networks. Each file is one architecture, for every picture shape that it can make."""
