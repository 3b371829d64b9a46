"""Package proxysvc."""
