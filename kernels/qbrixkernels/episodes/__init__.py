"""Whole simulated episodes, compiled around the kernels that choose and learn."""
