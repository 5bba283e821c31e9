"""A plugin as a stranger would write it: the smallest algorithms that pass the suite."""
