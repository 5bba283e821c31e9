"""What the verbs `train` and `resume` share: the host's side of a run."""
