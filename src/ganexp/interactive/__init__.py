"""ganexp in Python and in notebooks: calls with a command's words, and what a notebook shows."""
