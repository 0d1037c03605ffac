"""Settings, Models, On another machine: a real server on loopback, and the window that talks with its model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.shown.talk import TurnState
from engine.errors import RequestError
from engine.remote.earshot import model, returning
from engine.remote.vllm.model import VllmModel
from engine.serving import Access, Server
from tests.app.fakes import FakeKeychain
from tests.app.user import Sit, User
from tests.checkpoints import tiny_checkpoint
from tests.engine.remote.vllm_stand_in import VllmStandIn, serving
from tests.engine.serving.conftest import TOKEN, Served, served

__all__ = ["served"]


@pytest.fixture(autouse=True)
def kept_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tokenizer of another machine is kept; nobody waits long for one that is gone."""
    monkeypatch.setattr(model, "models_folder", lambda: tmp_path / "models")
    monkeypatch.setattr(returning, "PATIENCE_S", 0.0)
    monkeypatch.setattr(model.EarshotModel, "warming_up", lambda *_: iter(()))  # it would use up what is scripted
    return tmp_path


@pytest.fixture
def servers(served: Served) -> Iterator[Callable[..., Server]]:
    """Starts a server of the same model, at any port or the same again."""
    running: list[Server] = []

    def start(port: int = 0) -> Server:
        for each in running:
            each.stop()
        running.append(Server(served.server.application.routes, Access(TOKEN), port=port))
        running[-1].start()
        return running[-1]

    yield start
    for each in running:
        each.stop()


def use(user: User, server: Server | VllmStandIn, token: str = TOKEN) -> None:
    """Enter address and token, and press Connect."""
    page = user.settings.models
    user.settings.open_page(page)
    page.other_machine.address.setText(server.address)
    page.other_machine.address.textEdited.emit(server.address)
    page.other_machine.token.setText(token)
    user.press(user.word("Connect", page.other_machine))


def status(user: User) -> str:
    return user.window.sidebar.status.text


def test_the_model_of_another_machine_is_tried_used_and_remembered(
    served: Served, servers: Callable[..., Server], sit: Sit
) -> None:
    server, keychain = servers(), FakeKeychain()
    user = sit(keychain=keychain, spoken_answers=False)
    card = user.settings.models.other_machine
    use(user, server, "wrong")
    user.sees(lambda: card.words == "127.0.0.1 asks for its token: copy it there and enter it here.")
    assert "nothing leaves this Mac" in status(user)
    use(user, server)
    user.sees(lambda: f"{served.engine.name} answers at 127.0.0.1." in card.words)
    user.sees(lambda: "answers come from 127.0.0.1" in status(user))
    assert user.app.settings.now.model == server.address
    assert TOKEN not in user.app.settings._path.read_text()
    assert TOKEN in keychain.kept.values()
    served.says("Four.")
    user.settings.close()
    user.type("Two and two?")
    user.sees(lambda: user.app.controller.turns[-1].state is TurnState.DONE)
    assert user.app.controller.turns[-1].answer == "Four."


def test_a_vllm_server_is_talked_with_in_the_same_way(sit: Sit, kept_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept_in / "models").mkdir(exist_ok=True)
    (kept_in / "models" / "Step-Audio-2-mini").symlink_to(tiny_checkpoint())
    monkeypatch.setattr("engine.checkpoints.catalogue.models_folder", lambda: kept_in / "models")
    monkeypatch.setattr("engine.remote.connecting.installed_speech", list)
    monkeypatch.setattr(VllmModel, "warming_up", lambda *_: (step for step in ()))
    with serving(VllmStandIn(tiny_checkpoint(), two_stages=True, token="key")) as stand_in:
        user = sit(keychain=FakeKeychain())
        use(user, stand_in, "key")
        user.sees(lambda: "answers come from 127.0.0.1" in status(user))
        assert "Step-Audio-2-mini answers at 127.0.0.1." in user.settings.models.other_machine.words
        user.settings.close()
        stand_in.speaks("Good morning.", 30)
        user.type("Hello?")
        assert user.hears() == pytest.approx(30 / 25, abs=0.1)
        user.sees(lambda: user.app.controller.turns[-1].state is TurnState.DONE)
        assert user.app.controller.turns[-1].answer == "Good morning."


def test_where_there_is_no_keychain_the_token_goes_into_a_file_once_that_is_allowed(
    servers: Callable[..., Server], sit: Sit
) -> None:
    user = sit(without_keychain=True)
    card = user.settings.models.other_machine
    use(user, servers())
    user.sees(lambda: "This computer has no keychain." in card.words)
    assert "nothing leaves this Mac" in status(user)
    user.press(user.word("Keep it in a file", card))
    user.sees(lambda: "answers come from 127.0.0.1" in status(user))
    assert TOKEN in user.app.paths.secrets.read_text()


def test_what_is_no_address_is_told_at_once(sit: Sit) -> None:
    user = sit(keychain=FakeKeychain())
    card = user.settings.models.other_machine
    user.settings.open_page(user.settings.models)
    card.address.setText("ftp://studio")
    card.address.textEdited.emit("ftp://studio")
    user.press(user.word("Test", card))
    assert card.words == "ftp://studio is no address: write it like http://studio.local:8765."


def test_a_server_that_is_gone_in_the_midst_is_told_in_the_turn_and_can_be_asked_again(
    served: Served, servers: Callable[..., Server], sit: Sit
) -> None:
    server = servers()
    user = sit(keychain=FakeKeychain(), spoken_answers=False)
    use(user, server)
    user.sees(lambda: "answers come from 127.0.0.1" in status(user))
    user.settings.close()
    served.says("one two three " * 600)
    user.type("Count.")
    user.sees(lambda: "three" in user.app.controller.turns[-1].answer)
    server.stop()
    user.sees(lambda: user.app.controller.turns[-1].state is TurnState.FAILED)
    assert user.app.controller.turns[-1].problem == "The connection to 127.0.0.1 was lost: try again."
    servers(int(server.address.rpartition(":")[2]))
    served.says("Here I am.")
    user.press(user.word("Try again"))
    user.sees(lambda: user.app.controller.turns[-1].state is TurnState.DONE)
    assert user.app.controller.turns[-1].answer == "Here I am."


def test_a_machine_that_sleeps_at_the_start_is_asked_once_more(
    served: Served, servers: Callable[..., Server], sit: Sit
) -> None:
    server = servers()
    port = int(server.address.rpartition(":")[2])
    server.stop()
    keychain = FakeKeychain()
    keychain.kept[f"model at {server.address}"] = TOKEN
    user = sit(wait=False, keychain=keychain, model=server.address)
    user.sees_notice("Nothing answers at")
    servers(port)
    user.press(user.word("Try again"))
    user.sees(lambda: "answers come from 127.0.0.1" in status(user))


def test_other_programs_are_told_where_the_model_is(served: Served, servers: Callable[..., Server], sit: Sit) -> None:
    user = sit(keychain=FakeKeychain(), spoken_answers=False)
    use(user, servers())
    user.sees(lambda: "answers come from 127.0.0.1" in status(user))
    host: Any = user.app.controller.other_programs._host
    with pytest.raises(RequestError, match="is on another machine"):
        _ = host.about
