"""How much, how long and how often at most, whatever a server answers: far beyond what Personio does."""

from __future__ import annotations

import datetime as dt

# Bytes of one answer, packed and unpacked. A full page has some hundred kilobytes. Of headers, Python's http.client
# takes 100 lines of 64 KiB. Of large answers one is read at a time, and their JSON has so many objects and arrays, and
# commas, at most: empty ones take twenty times as much memory as bytes.
MAX_BODY = 32 * 2**20
LARGE_BODY = 2 * 2**20
MAX_CONTAINERS, MAX_COMMAS = 1_000_000, 4_000_000
# Time for an exchange as a whole, in times of the setting request_timeout, which is about the time without a byte.
MAX_EXCHANGE_TIMEOUTS = 3
# Any single wait: before a retry, for a rate limit, for what a server asks for.
MAX_WAIT_SECONDS = 120.0
# Two clocks that differ by more are not both right; what is that much ahead has not been.
MAX_CLOCK_DIFFERENCE = dt.timedelta(days=100)
# A bookmark or a deletion that is further ahead of Personio's clock counts as none.
MAX_AHEAD = dt.timedelta(days=2)
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MAX_VERSION = 2**53
# Pages of one list, and pages in a row that bring nothing new; of records without identifiers, many can be alike.
MAX_PAGES = 1_000_000
MAX_STALE_PAGES = 20
MAX_STALE_PAGES_WITHOUT_IDS = 200
# Characters of a token; Personio's have a thousand.
MAX_TOKEN = 32_768
