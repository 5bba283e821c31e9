"""Deep Q-networks: value functions learnt from a replay buffer, over discrete actions."""
