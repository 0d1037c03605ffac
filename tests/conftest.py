from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests import checkpoints

# The same examples in every run, and however slow the machine is.
settings.register_profile("earshot", deadline=None, derandomize=True)
settings.load_profile("earshot")

# Fixtures that make a whole window, a server or a model: no test that takes one belongs to the unit part.
WHOLE = {
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
    """Marks as slow what takes a whole: each such test is so a little, and all of them together are."""
    for item in items:
        if WHOLE & set(getattr(item, "fixturenames", ())):
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
    return checkpoints.tiny_checkpoint()
