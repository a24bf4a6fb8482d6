"""The progress of loading one source, as the loader reports it."""

from __future__ import annotations


class SourceProgress:
    """Receives the progress of one load. This base class ignores it."""

    def checksums_compared(self, buckets: int, differing: int) -> None:
        """The checksums of `buckets` buckets are compared."""

    def pages_planned(self, pages: int) -> None:
        """`pages` pages remain to be fetched."""

    def pages_resumed(self, pages: int) -> None:
        """`pages` pages of an interrupted load are already staged."""

    def page_staged(self, rows: int) -> None:
        """One page of `rows` rows is staged."""
