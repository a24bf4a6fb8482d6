"""What a load reports while it runs; the console shows it, a test can ignore it."""

from __future__ import annotations


class Meter:
    """Is told how far a load has come; this one keeps it to itself."""

    def compared(self, buckets: int, differing: int) -> None:
        """The checksums of so many buckets are compared."""

    def expect(self, pages: int) -> None:
        """So many pages will be fetched."""

    def kept(self, pages: int) -> None:
        """So many pages of an interrupted load are staged already."""

    def page(self, rows: int) -> None:
        """One page with so many rows is staged."""
