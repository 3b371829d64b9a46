"""Policies that assume nothing of how rewards come about."""
