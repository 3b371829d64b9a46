"""Playing policies against problems whose best arm is known."""
