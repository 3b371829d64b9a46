"""Policies of the adversarial family under their older names."""
