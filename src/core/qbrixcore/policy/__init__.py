"""Bandit policies: what they are (specs) and what they do (implementations)."""
