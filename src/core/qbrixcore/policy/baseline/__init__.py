"""Policies to compare others with."""
