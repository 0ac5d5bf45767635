"""Honest patterns for the lead's evidence inbox: statistics over labels, no language model."""
