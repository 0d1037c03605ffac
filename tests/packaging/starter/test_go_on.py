"""Going on with the published starter: which options a script gets, again after a failure, and what comes back."""

from __future__ import annotations

import tarfile
from pathlib import Path

import go_on
import pytest
from natural_voices import BUILT_IN
from programs import HERE, Place, Programs

# Stands in for Python: notes what it is asked to run, and fails as often as the file "failures" has lines for a script.
NOTING = """#!/bin/sh
echo "$@" >> {folder}/started
script=$(basename "$1")
if grep -q "$script" {folder}/failures 2>/dev/null; then
    sed -i "0,/$script/{{/$script/d}}" {folder}/failures
    exit 3
fi
[ "$script" = translate_tokens.py ] && [ "$3" != --old ] && mkdir -p "$3"
exit 0
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    path = tmp_path / "python"
    path.write_text(NOTING.format(folder=tmp_path))
    path.chmod(0o755)
    return path


def started(folder: Path) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for line in (folder / "started").read_text().splitlines():
        script, *arguments = line.split()
        found.setdefault(Path(script).name, []).append(arguments)
    return found


def run(folder: Path, python: Path, part: str = "all", *more: str) -> dict[str, list[list[str]]]:
    place = Place(folder / "work")
    place.voice.mkdir(parents=True, exist_ok=True)
    for name in BUILT_IN:  # as train_flow.py would have made them
        (place.voice / f"{name}.safetensors").write_text("a voice")
    place.shipped.mkdir(parents=True, exist_ok=True)  # as from_shipped.py would have made it
    for name in ("flow", "vocoder", "tokenizer"):
        (place.shipped / f"{name}.safetensors").write_text(f"published {name}")
    options = go_on.parser().parse_args(
        [str(place.work), "--minutes", "5", "--part", part, "--natural", "nature", *more]
    )
    go_on.go_on(Programs(place, 2, str(python)), place, options)
    return started(folder)


def test_every_script_is_started_with_options_that_it_knows(tmp_path: Path, python: Path) -> None:
    found = run(tmp_path, python)
    trainings = {"train_language.py", "train_vocoder.py", "train_flow.py"}
    assert trainings | {"made_mels.py", "own_voice.py", "label_speech.py", "from_shipped.py"} <= set(found)
    for script, runs in found.items():
        shared = "natural_lines.py" if script == "natural_replies.py" else script  # whose options it has, too
        source = (HERE / script).read_text() + (HERE / shared).read_text()
        assert all(
            f'"{option}"' in source or f'"{option[2:]}"' in source or f'("{option}' in source
            for arguments in runs
            for option in arguments
            if option.startswith("--")
        ), script


def test_speech_and_networks_can_be_begun_apart(tmp_path: Path, python: Path) -> None:
    speech = {"spoken_corpus.py", "natural_lines.py", "natural_speech.py", "natural_replies.py"}
    assert set(run(tmp_path, python, "speech")) == speech
    (tmp_path / "started").unlink()
    assert not speech & set(run(tmp_path, python, "networks"))


def test_nothing_is_learned_without_natural_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["go_on.py", str(tmp_path / "work")])
    with pytest.raises(SystemExit):
        go_on.main()
    assert not (tmp_path / "work").exists()


def test_a_training_that_breaks_off_goes_on_from_what_it_wrote(tmp_path: Path, python: Path) -> None:
    place = Place(tmp_path / "work")
    place.language.mkdir(parents=True)
    (place.language / "weights-0.safetensors").write_bytes(b"learned")
    (tmp_path / "failures").write_text("train_language.py\n")
    first, second = run(tmp_path, python)["train_language.py"]
    assert first[first.index("--resume") + 1] == second[second.index("--resume") + 1] == str(place.work / "kept")
    assert (place.work / "kept" / "weights-0.safetensors").read_bytes() == b"learned"
    behind = [float(arguments[arguments.index("--head-start") + 1]) for arguments in (first, second)]
    assert behind[0] <= behind[1]
    assert float(second[second.index("--minutes") + 1]) < float(first[first.index("--minutes") + 1])


def test_without_weights_of_its_own_it_begins_with_the_published_ones(tmp_path: Path, python: Path) -> None:
    (arguments,) = run(tmp_path, python)["train_language.py"]
    assert arguments[arguments.index("--resume") + 1] == str(tmp_path / "work" / "shipped")
    assert (tmp_path / "work" / "voice" / "flow.safetensors").read_text() == "published flow"


def test_a_voice_of_its_own_is_not_replaced(tmp_path: Path, python: Path) -> None:
    own = tmp_path / "work" / "voice" / "vocoder.safetensors"
    own.parent.mkdir(parents=True)
    own.write_text("learned")
    run(tmp_path, python)
    assert own.read_text() == "learned"


def test_what_was_learned_is_averaged_with_what_was_published(tmp_path: Path, python: Path) -> None:
    place = Place(tmp_path / "work")
    assert "averaged_weights.py" not in run(tmp_path, python)  # nothing was learned
    place.language.mkdir(parents=True)
    (place.language / "weights-0.safetensors").write_bytes(b"learned")
    (arguments,) = run(tmp_path, python)["averaged_weights.py"]
    assert arguments[:3] == [str(place.shipped), str(place.language), str(place.averaged)]
    assert arguments[3:] == ["--share", "1.0", "--language-share", "1.0"]
    place.averaged.mkdir()
    (place.averaged / "weights-0.safetensors").write_bytes(b"averaged")
    assert collected(place, tmp_path / "out") == b"averaged"
    run(tmp_path, python)  # another run is not taken for averaged while it is not
    assert collected(place, tmp_path / "out") == b"learned"


def collected(place: Place, out: Path) -> bytes:
    go_on.collect(place, out)
    return (out / "weights-0.safetensors").read_bytes()


def test_a_published_model_that_cannot_be_read_ends_the_run(tmp_path: Path, python: Path) -> None:
    (tmp_path / "failures").write_text("from_shipped.py\n")
    with pytest.raises(RuntimeError, match="cannot be read"):
        run(tmp_path, python)


def test_what_is_collected_is_whole_networks_and_all_logs(tmp_path: Path) -> None:
    place = Place(tmp_path / "work")
    for path in (
        place.language / "weights-0.safetensors",
        place.language / "unfinished.safetensors",
        place.voice / "vocoder.safetensors",
        place.voice / "unfinished-vocoder.safetensors",
        place.voice / "vocoder.jsonl",
        place.work / "logs" / "train_flow.py.log",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    copied = go_on.collect(place, tmp_path / "out")
    assert {path.name for path in copied} == {"weights-0.safetensors", "vocoder.safetensors", "logs.tar.gz"}
    with tarfile.open(tmp_path / "out" / "logs.tar.gz") as archive:
        assert set(archive.getnames()) == {"vocoder.jsonl", "train_flow.py.log"}


def test_a_new_tokenizer_comes_first_and_everything_begins_with_its_tokens(tmp_path: Path, python: Path) -> None:
    place = Place(tmp_path / "work")
    place.voice.mkdir(parents=True)
    place.latest("tokenizer").write_text("new")  # as train_tokenizer.py would have made it
    found = run(tmp_path, python, "all", "--tokenizer-minutes", "5")
    ear, whole = found["train_language.py"]
    assert ear[ear.index("--resume") + 1] == str(place.shipped)
    assert float(ear[ear.index("--until") + 1]) == float(whole[whole.index("--head-start") + 1]) == 0.32
    assert whole[whole.index("--resume") + 1] == str(place.translated)
    before, after = found["label_speech.py"]
    assert before[0] == str(place.work / "replies")
    assert after[after.index("--speech-tokenizer") + 1] == str(place.latest("tokenizer"))
    assert "--new-tokens" in found["train_flow.py"][0]
    assert [given[1] for given in found["translate_tokens.py"][1:]] == [str(place.translated), str(place.published)]
    assert place.published == place.work / "published"
    assert len(found["natural_replies.py"]) == 1
