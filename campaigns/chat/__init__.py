"""The one door to any language model: what is sent, what comes back, how often it is tried."""
