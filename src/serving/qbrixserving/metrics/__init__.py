"""Numbers about a running service: counted in plain memory, served to Prometheus."""
