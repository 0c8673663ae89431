"""Files that are whole or not there, locks, and the cache. No module in it knows what ganexp keeps in files."""
