"""Verdicts of many judges turned into one calibrated, honestly measured score (pure)."""
