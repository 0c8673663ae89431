"""A run's folder: the names of its files, and what is read from them and written to them."""
