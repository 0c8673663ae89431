"""The page that compares runs: read from their folders, put in order, drawn."""
