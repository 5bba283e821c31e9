"""Algorithms with one fault each: the reference algorithm with one thing wrong."""

from mutant_plugin import acting, learning, resuming, saying, training
from mutant_plugin.base import MUTANTS, Mutant, spec_of

__all__ = ["MUTANTS", "Mutant", "acting", "learning", "resuming", "saying", "spec_of", "training"]
