"""Switches off what libraries report to their makers.

onnxruntime looks up its maker's collector and keeps a device id and a database of events below the user's cache folder.
It reads its variable when it is imported, and only then: asked later to stop, it has already begun. The other variables
are those of libraries that come along and would report from a program that uses more of them than Earshot does.
"""

import os

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, which comes with tokenizers
    "OTEL_SDK_DISABLED": "true",  # OpenTelemetry, which comes with mcp
    "DO_NOT_TRACK": "1",  # understood by many
}


def switch_off_reporting() -> None:
    """Set every switch, whatever the user's environment says."""
    os.environ.update(SWITCHES)
