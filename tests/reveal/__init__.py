"""Showing the truth: reveal in two steps, search in one, and what both refuse."""
