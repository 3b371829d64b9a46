"""Policies under their older name, protocol."""
