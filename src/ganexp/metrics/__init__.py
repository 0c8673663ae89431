"""How good generated pictures are, by figures that need no network."""
