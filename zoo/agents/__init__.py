"""Portable agents: they act with NumPy alone, whatever trained them."""
