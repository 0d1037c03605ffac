"""What Earshot.app tells the system about itself."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from contents import IDENTIFIER, MINIMUM_SYSTEM, ROOT

LANGUAGES = ("en", "zh-Hans")
# Read by Earshot and unknown to a Mac that has no player for them. What a Mac cannot read (mkv, webm) is not claimed.
_IMPORTED = {"org.xiph.ogg-audio": ("Ogg sound", "ogg", "oga"), "org.xiph.opus": ("Opus sound", "opus")}


def version() -> str:
    """Earshot's version."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def strings(language: str) -> dict[str, str]:
    """What the system shows to people in one language, by its key."""
    text = (ROOT / "packaging" / f"{language}.lproj" / "InfoPlist.strings").read_text(encoding="utf-8")
    return dict(re.findall(r'^"(\w+)" = "(.*)";$', text, re.MULTILINE))


def info_plist() -> dict[str, Any]:
    """The content of Info.plist, without what PyInstaller fills in."""
    return {
        "CFBundleDisplayName": "Earshot",
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleShortVersionString": version(),
        "CFBundleVersion": version(),
        "CFBundleDevelopmentRegion": "en",
        "CFBundleLocalizations": list(LANGUAGES),
        **strings("en"),
        "LSApplicationCategoryType": "public.app-category.productivity",
        "LSMinimumSystemVersion": ".".join(map(str, MINIMUM_SYSTEM)),
        "LSMultipleInstancesProhibited": True,
        "NSHighResolutionCapable": True,
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Audio or video",
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": ["public.audio", "public.movie", *_IMPORTED],
            }
        ],
        "CFBundleURLTypes": [
            {"CFBundleURLName": IDENTIFIER, "CFBundleTypeRole": "Viewer", "CFBundleURLSchemes": ["earshot"]}
        ],
        "UTImportedTypeDeclarations": [
            {
                "UTTypeIdentifier": name,
                "UTTypeDescription": title,
                "UTTypeConformsTo": ["public.audio"],
                "UTTypeTagSpecification": {"public.filename-extension": list(endings)},
            }
            for name, (title, *endings) in _IMPORTED.items()
        ],
    }
