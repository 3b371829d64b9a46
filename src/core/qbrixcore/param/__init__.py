"""What was set, what was learned, and how both are stored."""
