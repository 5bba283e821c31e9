"""The plugin host: specs, hooks, discovery and the registry."""
