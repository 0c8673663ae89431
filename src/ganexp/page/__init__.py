"""The report: it reads the runs of a folder, compares them and draws one HTML page."""
