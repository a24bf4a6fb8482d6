"""A CSV file as RFC 4180 has it: what the RFC does not allow is refused, because readers disagree about it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from python_runner.errors import RunnerError, UsageError

GZIP, UTF8_BOM, UTF16_BOMS = b"\x1f\x8b", b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
QUOTE, COMMA, LF, CR = b'",\n\r'

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]


@contextmanager
def open_csv(path: Path) -> Iterator[CheckedCsv]:
    """Open a CSV file, compressed or not. UsageError if its first bytes are not those of a CSV file."""
    with path.open("rb") as raw:
        start = raw.read(len(GZIP))
        raw.seek(0)
        if not start:
            raise UsageError(f"{path} is empty: a CSV file has at least a header")
        if path.suffix == ".gz" and start != GZIP:
            raise UsageError(f"{path} is not a gzip file: rename it, or compress it")
        if start in UTF16_BOMS or b"\0" in start:
            raise UsageError(f"{path} is UTF-16: save it as UTF-8")
        yield CheckedCsv(path, gzip.GzipFile(fileobj=raw) if start == GZIP else raw)


class CheckedCsv(io.RawIOBase):
    """The bytes of a CSV file, checked while they are read, with a line break at the end."""

    def __init__(self, path: Path, content: IO[bytes] | gzip.GzipFile) -> None:
        super().__init__()
        self._path, self._content = path, content
        self._begun = False
        self._held = b""
        self._last = LF  # the byte before the next one; a file begins like a line
        self._quotes = 0  # an odd number: the next byte is inside a quoted field
        self._line = 1

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes. RunnerError names the line that is not as in RFC 4180.

        They never end with a carriage return: Arrow loses a line feed that follows it at the start of the next block,
        also inside quotes.
        """
        wanted = size - len(self._held) if size and size > 0 else -1
        content = self._content_bytes(wanted)
        more = len(content) == wanted
        content = content if self._begun else content.removeprefix(UTF8_BOM)
        self._begun = True
        self._check(np.frombuffer(content, np.uint8))
        data = self._held + content
        self._held = b"\r" if more and data.endswith(b"\r") else b""
        if more:
            return data.removesuffix(self._held)
        if self._quotes % 2:
            raise self._error("the end of the file inside a quoted field")
        if self._last == CR:
            raise self._error("a carriage return outside quotes without a line feed")
        if self._last == LF:
            return data
        self._last = LF
        return data + b"\n"

    def _content_bytes(self, size: int) -> bytes:
        try:
            return bytes(self._content.read(size))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise RunnerError(f"{self._path} cannot be decompressed: {error}: it is truncated or damaged") from error

    def _check(self, data: Bytes) -> None:
        """A quote opens a field at its start, or closes it at its end, or is doubled inside it."""
        if not len(data):
            return
        around = np.concatenate(([np.uint8(self._last)], data))
        quotes = np.flatnonzero(around == QUOTE)
        opened = self._quotes - (self._last == QUOTE)  # the byte before is looked at again, with the one after it
        closes = (opened + np.arange(len(quotes))) % 2 == 1
        starts, ends = quotes[~closes], quotes[closes]
        before = around[starts[starts > 0] - 1]
        wrong = starts[starts > 0][~np.isin(before, (COMMA, LF, QUOTE))]
        self._refuse(around, wrong, "a quote inside a field that is not quoted")
        ends = ends[ends < len(around) - 1]
        wrong = ends[~np.isin(around[ends + 1], (COMMA, LF, CR, QUOTE))]
        self._refuse(around, wrong, "text after the quote that ends a field; a quote inside a field is doubled")
        returns = np.flatnonzero(around[:-1] == CR)
        returns = returns[around[returns + 1] != LF]
        if len(returns):
            outside = (opened + np.searchsorted(quotes, returns)) % 2 == 0
            self._refuse(around, returns[outside], "a carriage return outside quotes without a line feed")
        self._quotes = opened + len(quotes)
        self._line += int(np.count_nonzero(data == LF))
        self._last = int(around[-1])

    def _refuse(self, around: Bytes, wrong: Positions, what: str) -> None:
        if len(wrong):
            self._line += int(np.count_nonzero(around[1 : wrong[0]] == LF))
            raise self._error(what)

    def _error(self, what: str) -> RunnerError:
        return RunnerError(f"{self._path} is not a CSV file that can be read: line {self._line:,} has {what}")
