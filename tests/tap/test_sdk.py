"""The few places where the tap overrides the SDK against its own marks: these fail when the SDK changes under them."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

from personio_sandbox import Sandbox
from singer_sdk import Stream, Tap
from singer_sdk.plugin_base import PluginBase
from tap_personio.stream import PersonioStream
from tap_personio.tap import TapPersonio

# What tap.py and stream.py override or call although the SDK marks it as private or final.
USED = {
    Tap.sync_all: "(self) -> 'None'",
    Tap._handle_termination: "(self, signum: 'int', frame: 'FrameType | None') -> 'None'",
    PluginBase.setup_mapper: "(self) -> 'None'",
}


def test_what_is_overridden_has_the_form_that_it_had():
    for function, signature in USED.items():
        assert str(inspect.signature(function)) == signature, function.__qualname__


def test_the_sdk_still_asks_for_what_is_overridden():
    assert "tap.sync_all()" in inspect.getsource(Tap.invoke)
    assert "_handle_termination" in inspect.getsource(PluginBase)


def test_the_sdk_still_shows_the_settings_that_the_tap_changes():
    """`TapPersonio.setup_mapper` changes `_config`, because `config` cannot be written to."""
    settings = {"stream_maps": {}}
    shown = PluginBase.config.fget(SimpleNamespace(_config=settings))
    settings["stream_maps"] = {"employees": None}
    assert shown["stream_maps"] == {"employees": None}


def test_the_sdk_s_own_loop_would_still_write_activate_version_first():
    """The reason for a loop of our own. When this fails, look whether the SDK's has become good enough."""
    source = inspect.getsource(Stream.sync)
    assert source.index("_write_activate_version_message") < source.index("_sync_records")
    assert not PersonioStream.emit_activate_version_messages.fget(None)  # the SDK shall not write it


def test_a_dry_run_reads_every_stream_through_the_sdk():
    with Sandbox(employees=3, attendances_per_employee=2, absences_per_employee=1) as sandbox:
        tap = TapPersonio(
            config={
                "client_id": sandbox.client_id,
                "client_secret": sandbox.client_secret,
                "api_url": sandbox.url,
            }
        )
        assert tap.run_connection_test()
        tap.run_context.client.close()
