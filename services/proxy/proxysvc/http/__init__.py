"""The REST interface: one file a resource, no decisions of its own."""
