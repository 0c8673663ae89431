"""Protocols: how pictures are measured. `in_domain` uses an evaluator of the data itself, `official` a network that
others measure with too."""
