"""Control: learning to act, one algorithm a module."""
