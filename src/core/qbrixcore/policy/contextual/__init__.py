"""Policies that read a feature vector."""
