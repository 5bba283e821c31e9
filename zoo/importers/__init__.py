"""Importers of the models that are met most often; what they read is never run."""
