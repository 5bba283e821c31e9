"""Stable-Baselines3 and sb3-contrib as algorithms of the zoo.

SB3 learns; this package gives it the host's environments, yields where the host may look in,
keeps its random numbers apart, saves and restores its state, and takes its policies out as
agents. `README.md` says what is supported.
"""
