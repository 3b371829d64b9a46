"""Compiled bandit arithmetic on plain arrays; one module a family."""
