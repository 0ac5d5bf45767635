"""What a failure would lead to (pure): who bears it, how many, how likely, for how long, how bad."""
