"""Writes "Transcribe with Earshot.workflow", a Quick Action for the Finder: python packaging/quick_action.py FOLDER

Opened, macOS offers to install it; then it stands in the menu of every sound and film, and hands the files to Earshot.
Its form is what Automator writes for a workflow that receives files in the Finder and runs a shell script.
"""

from __future__ import annotations

import plistlib
import sys
from pathlib import Path
from typing import Any

from contents import IDENTIFIER

NAME = "Transcribe with Earshot"
TAKEN = ["public.audio", "public.movie"]
SCRIPT = f'/usr/bin/open -b {IDENTIFIER} "$@"'
_ACTION = "com.apple.RunShellScript"
_AS_ARGUMENTS = 1


def write(folder: Path) -> Path:
    """The workflow, written into a folder."""
    contents = folder / f"{NAME}.workflow" / "Contents"
    contents.mkdir(parents=True)
    for name, values in (("Info.plist", service()), ("document.wflow", workflow())):
        (contents / name).write_bytes(plistlib.dumps(values))
    return contents.parent


def service() -> dict[str, Any]:
    """Where it is offered: in the Finder, for sounds and films."""
    offered = {
        "NSMenuItem": {"default": NAME},
        "NSMessage": "runWorkflowAsService",
        "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
        "NSSendFileTypes": TAKEN,
    }
    return {"NSServices": [offered]}


def workflow() -> dict[str, Any]:
    """What it does: one shell script, with the files as arguments."""
    kinds = {"Container": "List", "Optional": True, "Types": ["com.apple.cocoa.path"]}
    action = {
        "AMAccepts": kinds,
        "AMProvides": kinds | {"Optional": False},
        "AMActionVersion": "2.0.3",
        "AMApplication": ["Automator"],
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": SCRIPT,
            "CheckedForUserDefaultShell": True,
            "inputMethod": _AS_ARGUMENTS,
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": _ACTION,
        "CFBundleVersion": "2.0.3",
        "CanShowSelectedItemsWhenRun": False,
        "CanShowWhenRun": False,
        "Class Name": "RunShellScriptAction",
        "InputUUID": "6B8C1B1A-6B0C-4C57-9A6B-0C5B7B1E0001",
        "OutputUUID": "6B8C1B1A-6B0C-4C57-9A6B-0C5B7B1E0002",
        "UUID": "6B8C1B1A-6B0C-4C57-9A6B-0C5B7B1E0003",
        "isViewVisible": 1,
        "nibPath": "/System/Library/Automator/Run Shell Script.action/Contents/Resources/Base.lproj/main.nib",
    }
    about = {
        "applicationBundleIDsByPath": {},
        "applicationPaths": [],
        "inputTypeIdentifier": "com.apple.Automator.fileSystemObject",
        "outputTypeIdentifier": "com.apple.Automator.nothing",
        "presentationMode": 15,
        "processesInput": False,
        "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
        "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
        "serviceProcessesInput": False,
        "systemImageName": "NSActionTemplate",
        "useAutomaticInputType": False,
        "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
    }
    return {
        "AMApplicationBuild": "523",
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": 1}],
        "connectors": {},
        "workflowMetaData": about,
    }


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
