"""A small transformer over pairs of texts, of which only the upper layers learn (pure)."""
