"""Real logged traffic, and an audience estimated from it, through the whole system."""
