"""The pages of the annotations floor."""
