"""The hyperparameters of every algorithm: SB3's names and defaults, RL Zoo's additions."""
