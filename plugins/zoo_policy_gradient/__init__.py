"""Policy gradients: algorithms that improve a policy along the gradient of its return."""
