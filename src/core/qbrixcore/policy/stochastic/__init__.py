"""Policies for rewards that are drawn independently, without features."""
