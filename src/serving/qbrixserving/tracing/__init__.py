"""Spans by OpenTelemetry, which nothing imports as long as tracing is off."""
