"""The command `tap-personio`, also as `python -m tap_personio`."""

import signal


def main() -> None:
    """Run the tap. Until it handles Ctrl-C itself, Ctrl-C ends it silently, not with the traceback of an import."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_personio.tap import TapPersonio  # noqa: PLC0415 - takes most of a second

    TapPersonio.cli()


if __name__ == "__main__":
    main()
