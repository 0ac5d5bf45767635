"""How failing inputs are found: what to try next, how to vary it, what is the same again (pure)."""
