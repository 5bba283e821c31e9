"""Tabular reinforcement learning: planning on a known model, prediction, control, bandits."""
