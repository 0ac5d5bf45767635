"""The HTTP API of the campaigns floor."""
