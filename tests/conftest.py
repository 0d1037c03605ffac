from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and however slow the machine is.
settings.register_profile("earshot", deadline=None, derandomize=True)
settings.load_profile("earshot")

# What takes a whole window, a server, or commands with a model: none of it belongs to the unit part.
_WHOLE = {
    "sit",
    "start",
    "app",
    "dialog",
    "served",
    "server",
    "serve",
    "hub",
    "tiny_model",
    "token2wav",
    "talked",
    "compiler",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of wholes are slow, each a little and all together."""
    for item in items:
        if _WHOLE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def qapp_cls() -> type:
    """The application of tests with a window is Earshot's own."""
    from app.application import Application

    return Application


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small random model that hears and writes."""
    from tests.tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def reference_speech() -> Path:
    """The folder of real recordings beside the repository; tests that need it are skipped without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "reference" / "speech"
    if not folder.is_dir():
        pytest.skip("no recordings in ../shared/reference/speech")
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint() -> Path:
    """The small checkpoint of the golden data, a complete folder in the published form."""
    return Path(__file__).parent / "goldens" / "tiny-checkpoint"
