"""The command line: one small module per command, imported when that command runs."""
