"""The HTTP API of the annotations floor."""
