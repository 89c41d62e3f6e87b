"""Records per second from page bytes to stdout, on one core, without network: `python -m bench.records URL`."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import urllib.request
from pathlib import Path

from tap_personio.tap import TapPersonio

PAGES = 2000


def main(url: str) -> None:
    """Run the benchmark and print the figure."""
    logging.disable(logging.CRITICAL)
    credential = {"client_id": "papi-sandbox-client", "client_secret": "papi-sandbox-secret"}
    tap = TapPersonio(config={**credential, "api_url": url})
    login = urllib.request.Request(
        f"{url}/v1/auth", json.dumps(credential).encode(), {"Content-Type": "application/json"}
    )
    token = json.load(urllib.request.urlopen(login))["data"]["token"]
    page = urllib.request.Request(
        f"{url}/v1/company/attendances?start_date=1970-01-01&end_date=2030-01-01&limit=200&offset=2000",
        headers={"Authorization": f"Bearer {token}"},
    )
    body = urllib.request.urlopen(page).read()
    stream = tap.streams["attendances"]
    began = time.process_time()
    pages = (stream.typed_rows.parse(body) for _ in range(PAGES))
    with Path(os.devnull).open("wb") as out:
        count = sum(chunk.rows for chunk in stream.chunks(pages) if out.write(chunk.lines))
    rate = count / (time.process_time() - began)
    print(f"  {rate:,.0f} records per second of CPU time.")


if __name__ == "__main__":
    main(*sys.argv[1:])
