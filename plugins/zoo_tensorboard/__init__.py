"""A tracker: `zoo train --tensorboard` writes a run's metrics as TensorBoard events."""
