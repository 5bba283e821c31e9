"""Environments: references to them, copies to train and evaluate on, wrappers, rendering."""
