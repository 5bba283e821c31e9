"""What lies on disk: bundles, checkpoints, runs. Written whole or not at all, never executed."""
