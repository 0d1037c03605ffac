"""What the settings show in pictures and tests."""

from __future__ import annotations

from pathlib import Path

from app.shown.choices import Choice
from app.shown.models import DownloadState, DownloadView, EarView, MachineView, ModelView, SizeView, VoiceView
from app.shown.settings import Permission, ServerState, ServerTool, ServerView, SettingsView, ToolSetting

GB, MB = 10**9, 10**6

SIZES = (SizeView(16, int(18.9 * GB), 18 * GB), SizeView(4, int(7.6 * GB), int(6.9 * GB)))

SETTINGS = SettingsView(
    inputs=(Choice("mac", "MacBook Pro Microphone"), Choice("airpods", "AirPods Pro")),
    outputs=(Choice("speakers", "MacBook Pro Speakers"), Choice("airpods", "AirPods Pro")),
    tools=(
        ToolSetting("calculator", "Works out sums exactly.", True),
        ToolSetting("clock", "Knows the date and the time.", True),
        ToolSetting("web_search", "Looks things up on the web.", True, True, True),
    ),
    servers=(
        ServerView(
            "npx -y @modelcontextprotocol/server-filesystem '/Users/me/Documents/Notes and letters'",
            "npx -y @modelcontextprotocol/server-filesystem '/Users/me/Documents/Notes and letters'",
            "secure-filesystem-server",
            ServerState.RUNNING,
            (
                *(ServerTool(name, Permission.ALWAYS) for name in ("read_file", "list_directory", "search_files")),
                *(ServerTool(name) for name in ("get_file_info", "directory_tree")),
                ServerTool("move_file", Permission.NEVER),
            ),
        ),
        ServerView("calendar", "uvx calendar-server", "calendar-server", ServerState.STARTING, asks=False),
        ServerView(
            "weather",
            "weather-server --city Wuxi",
            "weather-server",
            ServerState.STOPPED,
            problem="It quit by itself.",
        ),
    ),
    machine=MachineView("Apple M4 Pro", 24 * GB, int(17.2 * GB), int(7.6 * GB), int(5.9 * GB), 212 * GB),
    models=(
        ModelView(
            "mini-4",
            "Step-Audio 2 mini",
            "4-bit copy",
            int(6.9 * GB),
            int(7.6 * GB),
            int(17.2 * GB),
            current=True,
            removable=True,
            ear=EarView(True, True, 100, 97, "en", 1.6, "2026-11-30", "0.2.0"),
        ),
        ModelView(
            "starter",
            "Earshot starter",
            "demonstration, comes with the app",
            45 * MB,
            120 * MB,
            int(17.2 * GB),
        ),
    ),
    downloads=(
        DownloadView(
            "Step-Audio-2-mini-Think",
            DownloadState.RUNNING,
            int(7.2 * GB),
            18 * GB,
            42e6,
            sizes=SIZES,
            bits=4,
            usable=int(17.2 * GB),
        ),
        DownloadView("Step-Audio-2-mini-Base", total=18 * GB, sizes=SIZES, bits=16, usable=int(17.2 * GB)),
    ),
    models_folder=str(Path.home() / "Library" / "Application Support" / "Earshot" / "Models"),
    voices=(VoiceView("mei", "Mei", True), VoiceView("anna", "Anna")),
    voice="mei",
)
