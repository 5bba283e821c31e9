"""The environments that the tabular plugin brings; every one has its source in its module."""
