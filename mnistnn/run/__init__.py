"""The run directory: the whole truth about one run, in files that can be copied, compared and read by other tools."""
