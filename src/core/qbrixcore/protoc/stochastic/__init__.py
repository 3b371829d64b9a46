"""Policies of the stochastic family under their older names."""
