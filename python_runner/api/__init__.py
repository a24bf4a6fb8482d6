"""The read API: answers from the published tables, and a cache that is never older than a refresh it knows of."""
