"""Policies of the contextual family under their older names."""
