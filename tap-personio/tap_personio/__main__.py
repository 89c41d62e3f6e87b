"""`python -m tap_personio`."""

from tap_personio.tap import TapPersonio

TapPersonio.cli()
