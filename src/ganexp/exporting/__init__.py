"""The files that `export` writes: a generator for other programs, and a page that explores it in the browser."""
