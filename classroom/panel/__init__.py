"""The chat panel: one person's screen in a notebook, from its socket to its widgets."""
