"""The system benchmark: real processes under load, beside the least they could cost."""
