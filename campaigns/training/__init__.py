"""Files that a team fine-tunes its target with: which rows, in which shape, is it one (pure)."""
