"""Loading sources into the raw tables."""
