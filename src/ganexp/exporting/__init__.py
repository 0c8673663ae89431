"""What `export` writes: files that other programs read, and a page that explores a generator in the browser."""
