"""Exporters: agents in formats that others read without the zoo."""
