"""Going on with the published starter: which options a program gets, again after a failure, and what comes back."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from starter.speech.natural_voices import BUILT_IN
from starter.training import go_on
from starter.training.programs import STARTER, Place, Programs

# Stands in for Python: notes what it is to run, and fails as often as the file "failures" has lines for a program.
NOTING = """#!/bin/sh
echo "$@" >> {folder}/started
program=${{2#starter.}}
if grep -q "$program" {folder}/failures 2>/dev/null; then
    sed -i "0,/$program/{{/$program/d}}" {folder}/failures
    exit 3
fi
[ "$program" = training.translate_tokens ] && [ "$4" != --old ] && mkdir -p "$4"
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
        _, program, *arguments = line.split()
        found.setdefault(program.removeprefix("starter."), []).append(arguments)
    return found


def run(folder: Path, python: Path, part: str = "all", *more: str) -> dict[str, list[list[str]]]:
    place = Place(folder / "work")
    place.voice.mkdir(parents=True, exist_ok=True)
    for name in BUILT_IN:  # as train_flow would have made them
        (place.voice / f"{name}.safetensors").write_text("a voice")
    place.shipped.mkdir(parents=True, exist_ok=True)  # as from_shipped would have made it
    for name in ("flow", "vocoder", "tokenizer"):
        (place.shipped / f"{name}.safetensors").write_text(f"published {name}")
    options = go_on.parser().parse_args(
        [str(place.work), "--minutes", "5", "--part", part, "--natural", "nature", *more]
    )
    go_on.go_on(Programs(place, 2, str(python)), place, options)
    return started(folder)


APART = {"training.train_vocoder", "training.train_flow", "training.made_mels"}
TOGETHER = {"training.train_speaking"}


@pytest.mark.parametrize(("more", "trainings"), [((), TOGETHER), (("--tokenizer-minutes", "5"), APART)])
def test_every_program_is_started_with_options_that_it_knows(
    tmp_path: Path, python: Path, more: tuple[str, ...], trainings: set[str]
) -> None:
    found = run(tmp_path, python, "all", *more)
    others = {"training.train_language", "training.own_voice", "training.label_speech", "training.from_shipped"}
    assert trainings | others <= set(found)
    assert not (TOGETHER | APART) - trainings & set(found)
    for program, runs in found.items():
        shared = "speech.natural_lines" if program == "speech.natural_replies" else program  # whose options it has, too
        source = source_of(program) + source_of(shared)
        assert all(
            f'"{option}"' in source or f'"{option[2:]}"' in source or f'("{option}' in source
            for arguments in runs
            for option in arguments
            if option.startswith("--")
        ), program


def source_of(program: str) -> str:
    return (STARTER / (program.replace(".", "/") + ".py")).read_text()


def test_speech_and_networks_can_be_begun_apart(tmp_path: Path, python: Path) -> None:
    speech = {"speech.spoken_corpus", "speech.natural_lines", "speech.natural_speech", "speech.natural_replies"}
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
    (tmp_path / "failures").write_text("training.train_language\n")
    first, second = run(tmp_path, python)["training.train_language"]
    assert first[first.index("--resume") + 1] == second[second.index("--resume") + 1] == str(place.work / "kept")
    assert (place.work / "kept" / "weights-0.safetensors").read_bytes() == b"learned"
    behind = [float(arguments[arguments.index("--head-start") + 1]) for arguments in (first, second)]
    assert behind[0] <= behind[1]
    assert float(second[second.index("--minutes") + 1]) < float(first[first.index("--minutes") + 1])


def test_without_weights_of_its_own_it_begins_with_the_published_ones(tmp_path: Path, python: Path) -> None:
    (arguments,) = run(tmp_path, python)["training.train_language"]
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
    assert "training.averaged_weights" not in run(tmp_path, python)  # nothing was learned
    place.language.mkdir(parents=True)
    (place.language / "weights-0.safetensors").write_bytes(b"learned")
    (arguments,) = run(tmp_path, python)["training.averaged_weights"]
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
    (tmp_path / "failures").write_text("training.from_shipped\n")
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
        place.work / "logs" / "training.train_flow.log",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    copied = go_on.collect(place, tmp_path / "out")
    assert {path.name for path in copied} == {"weights-0.safetensors", "vocoder.safetensors", "logs.tar.gz"}
    with tarfile.open(tmp_path / "out" / "logs.tar.gz") as archive:
        assert set(archive.getnames()) == {"vocoder.jsonl", "training.train_flow.log"}


def test_a_new_tokenizer_comes_first_and_everything_begins_with_its_tokens(tmp_path: Path, python: Path) -> None:
    place = Place(tmp_path / "work")
    place.voice.mkdir(parents=True)
    place.latest("tokenizer").write_text("new")  # as train_tokenizer would have made it
    found = run(tmp_path, python, "all", "--tokenizer-minutes", "5")
    ear, whole = found["training.train_language"]
    assert ear[ear.index("--resume") + 1] == str(place.shipped)
    assert float(ear[ear.index("--until") + 1]) == float(whole[whole.index("--head-start") + 1]) == 0.32
    assert whole[whole.index("--resume") + 1] == str(place.translated)
    before, after = found["training.label_speech"]
    assert before[0] == str(place.work / "replies")
    assert after[after.index("--speech-tokenizer") + 1] == str(place.latest("tokenizer"))
    assert "--new-tokens" in found["training.train_flow"][0]
    translated = found["training.translate_tokens"][1:]
    assert [given[1] for given in translated] == [str(place.translated), str(place.published)]
    assert place.published == place.work / "published"
    assert len(found["speech.natural_replies"]) == 1
