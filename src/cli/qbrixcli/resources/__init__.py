"""The commands that speak to a running system over its published REST API."""
