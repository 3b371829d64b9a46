"""Package cortexsvc."""
