"""This process and its signals, the processes of one run, and the processes that a launcher starts for jobs."""
