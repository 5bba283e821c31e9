"""Agents made visible: what a table holds as charts, in a terminal and as a picture."""
