"""Actor-critics: a policy that learns from a value function that learns beside it."""
