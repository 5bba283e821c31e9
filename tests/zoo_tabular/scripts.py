"""Transitions that are written down, for updates that are worked out by hand."""

import numpy as np

TERMINATED, TRUNCATED = "terminated", "truncated"


class Script:
    """Plays transitions (s, a, reward, s') or (s, a, reward, s', how the episode ends)."""

    def __init__(self, *transitions):
        self.transitions = list(transitions)
        self.began = np.array([True])
        self.actions = np.array([transitions[0][1]])
        self.states = np.array([transitions[0][0]])

    def step(self):
        s, a, reward, s_next, *end = self.transitions.pop(0)
        self.previous, self.actions[0] = np.array([s]), a
        self.rewards, self.next_states = np.array([reward]), np.array([s_next])
        self.terminated = np.array([TERMINATED in end])
        self.truncated = np.array([TRUNCATED in end])
        self.began = self.terminated | self.truncated
        first = self.transitions[0][0] if self.transitions else s_next
        self.states = np.array([first if self.began[0] else s_next])
