"""The command `tap-personio`, also as `python -m tap_personio`."""

import signal
import sys


def main() -> None:
    """Run the tap. Until it handles Ctrl-C itself, Ctrl-C ends it silently, not with the traceback of an import."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_personio.errors import last_words  # noqa: PLC0415 - with the next one most of a second
    from tap_personio.tap import TapPersonio  # noqa: PLC0415

    try:
        TapPersonio.cli()
    except Exception as error:
        last_words(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
