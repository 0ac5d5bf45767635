"""Judges on bare files: what the command `judges` offers."""
