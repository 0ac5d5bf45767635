"""The pages of the campaigns floor."""
