"""What a user types, and what a user reads: the command line, `--help`, refusals, messages, bars."""
