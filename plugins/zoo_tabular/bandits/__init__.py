"""Algorithms for bandits: they learn what an action pays at once, and nothing of what follows."""
