"""Talk with the model: type or speak.

At a terminal, lines can be edited and brought back, /help says more, and with --listen Return in an empty line begins
to listen. Each --wav file is one spoken turn, in order; then, with --text or without files, each line of standard input
is a typed turn. Answers are written; with --speak they are also played, or with -o written into one WAV file a turn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.chat_input import Keyboard
from engine.commands.console import Help, add_connect_options, add_model_option, load_model, remark, result, result_json
from engine.commands.outputs import add_output_option, check_place
from engine.commands.sound_door import door_of
from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.conversation.prompting.presets import Preset
    from engine.conversation.replying.tools import Tool, ToolRegistry
    from engine.conversation.replying.tools.files import GivenFiles
    from engine.conversation.replying.tools.mcp_servers import McpServers
    from engine.engine import AnyModel
    from engine.events import Samples, SessionEvent, ToolCall, Turn
    from engine.session import Session
    from engine.speaking import Voice

_EXAMPLES = """\
examples:
  earshot chat --listen
  earshot chat --wav question.wav --speak -o replies/
  echo "What is 12 times 7?" | earshot chat --think --tools calculator
  earshot chat --preset interpreter --wav hello.wav --speak
  earshot chat --tool-server "npx some-server --read-only" """


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "chat",
        help="talk with the model, from recordings or by typing",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("--wav", nargs="+", type=Path, default=[], metavar="FILE", help="recordings, one a turn")
    parser.add_argument("--text", action="store_true", help="after the recordings, read typed turns from stdin")
    parser.add_argument("--listen", action="store_true", help="speak with the microphone, and hear the answers")
    parser.add_argument("--speak", action="store_true", help="also speak the answers")
    add_output_option(parser, "DIR", "write the spoken answers to DIR/reply-1.wav, … instead of playing them")
    parser.add_argument("--voice", metavar="NAME|FILE", help="who speaks: a voice's name, or a recording of one")
    parser.add_argument("--think", action="store_true", help="let the model think before every answer")
    parser.add_argument("--tools", nargs="*", metavar="NAME", help="tools to offer, or all (default: the preset's)")
    parser.add_argument("--file", nargs="+", type=Path, default=[], metavar="FILE", help="text files it may read")
    parser.add_argument("--web", action="store_true", help="allow web search: the only thing that leaves this machine")
    parser.add_argument(
        "--tool-server",
        action="append",
        default=[],
        metavar="COMMAND",
        help="offer the tools of a program that speaks the Model Context Protocol, or of a server at an address",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before tools that need permission")
    parser.add_argument(
        "--preset",
        default="assistant",
        metavar="NAME",
        help="who answers: a preset of your own, made in the window, or a built-in one (default: assistant)",
    )
    parser.add_argument("--language", default="en", choices=("en", "zh"), help="language of the preset (default: en)")
    parser.add_argument("--session", type=Path, metavar="DIR", help="continue the conversation kept in DIR")
    parser.add_argument("--max-tokens", type=int, default=2048, metavar="N", help="longest answer (default: 2048)")
    parser.add_argument("--json", action="store_true", help="print events, one JSON object a line")
    add_connect_options(parser)
    add_model_option(parser)
    parser.set_defaults(func=run)


@dataclass(frozen=True)
class _Asked:
    """A turn, and how the user sees it."""

    turn: Turn
    shown: str


def run(args: argparse.Namespace) -> int:
    """Hold the conversation."""
    from engine.conversation.prompting.own_presets import find_preset
    from engine.conversation.replying.tools.mcp_servers import McpServers
    from engine.conversation.replying.tools.timers import TimerService
    from engine.samples import probe
    from engine.storage import make_folder

    chosen = find_preset(args.preset, _own_presets())
    args.voice = args.voice or chosen.voice
    for file in args.wav:
        probe(file)
    timers = TimerService(
        on_ring=lambda timer: remark(f"\nTimer {timer.number} {timer.label} is over.".replace("  ", " "))
    )
    servers = McpServers() if args.tool_server else None
    show = _as_json if args.json else _Terminal().show
    try:
        tools, offered = _tools(args, chosen, timers, servers)
        _check(args)
        for folder in (args.output, args.session):
            if folder is not None:
                make_folder(folder)
        engine = load_model(args)
        find_preset(args.preset, _own_presets(), engine.about)  # it may be one that this model cannot do
        session = _session(args, engine, chosen, tools)
        for asked in _turns(args, engine, chosen, offered, session):
            if not args.json and (asked.turn.samples_16k is not None or not sys.stdin.isatty()):
                result(f"You      {asked.shown}")
            _converse(args, session, asked.turn, show)
            if args.session:
                session.save(args.session)
    finally:
        timers.close()
        if servers:
            servers.close()
    return 0


def _own_presets() -> Path:
    """Where those lie that were made in the window."""
    from engine.checkpoints.catalogue import models_folder

    return models_folder().parent / "presets"


def _check(args: argparse.Namespace) -> None:
    """What can be found wrong before the model is loaded is raised."""
    args.speak = args.speak or args.listen or args.output is not None
    if args.output is not None:
        check_place(args.output, folder=True)
    elif args.speak:
        door_of(args, "write the answers into files with -o DIR")
    if args.listen and not sys.stdin.isatty():
        raise RequestError("--listen needs a terminal: name recordings with --wav instead.")


def _tools(
    args: argparse.Namespace, chosen: Preset, timers: Any, servers: McpServers | None
) -> tuple[ToolRegistry, tuple[str, ...]]:
    """All tools, and the names of those offered: what was asked for, else the preset's and what was switched on."""
    from engine.conversation.replying.tools.builtin import builtin_tools
    from engine.conversation.replying.tools.web_search import WebSearchSettings

    files = _given_files(args.file) if args.file else None
    tools = builtin_tools(timers, files, WebSearchSettings() if args.web else None)
    switched_on = [name for name in ("read_file", "web_search") if name in tools]
    for each in _served(args.tool_server, servers, tools) if servers else ():
        tools.add(each)
        switched_on.append(each.name)
    for name in args.tools or ():
        if name != "all" and name not in tools:
            raise RequestError(f"There is no tool {name}. Choose from: {', '.join(tools.names)}.")
    if args.tools is None:
        return tools, (*(name for name in chosen.tools if name in tools), *switched_on)
    return tools, tools.names if "all" in args.tools else tuple(args.tools)


def _given_files(paths: list[Path]) -> GivenFiles:
    """The files that may be read. Raises RequestError for what is no file."""
    from engine.conversation.replying.tools import ToolError
    from engine.conversation.replying.tools.files import GivenFiles

    files = GivenFiles()
    for path in paths:
        try:
            files.add(path)
        except ToolError:
            raise RequestError(f"{path} is no file: name text files after --file.") from None
    return files


def _served(commands: list[str], servers: McpServers, tools: ToolRegistry) -> list[Tool]:
    """The tools of servers, once they run; none has the name of another tool."""
    from engine.conversation.replying.tools.mcp_server import McpServer
    from engine.conversation.replying.tools.mcp_servers import renamed_apart

    served: list[Tool] = []
    for server in [McpServer.of_line(command) for command in commands]:
        offered = servers.start(server)
        taken = (*tools.names, *(each.name for each in served))
        served += renamed_apart(offered, taken, servers.title(server.name))
    return served


def _session(args: argparse.Namespace, engine: AnyModel, chosen: Preset, tools: ToolRegistry) -> Session:
    from engine.conversation.remembering.saving import holds_conversation
    from engine.session import Session, SessionSettings

    settings = SessionSettings(
        persona=chosen.persona(args.language),
        voice=_voice(args.voice, engine) if args.speak and args.voice else None,
        tools=tools,
        confirm=(lambda call: True) if args.yes else _confirm,
        remember_turns=chosen.remember_turns,
        own_voice=chosen.own_voice,
    )
    kept = args.session is not None and holds_conversation(args.session)
    return Session(engine, settings, saved=args.session if kept else None)


def _voice(wanted: str, engine: AnyModel) -> Voice:
    """A voice as a person names it. Raises VoiceError or SoundError."""
    from engine.checkpoints.catalogue import models_folder
    from engine.speaking import VoiceLibrary

    return VoiceLibrary(models_folder().parent / "voices").find(engine.speaking, wanted)


def _turns(
    args: argparse.Namespace, engine: AnyModel, chosen: Preset, offered: tuple[str, ...], session: Session
) -> Iterator[_Asked]:
    from engine.commands.sounds import read_sound
    from engine.events import Thinking, Turn, new_turn_id
    from engine.samples import clock

    if args.think:
        thinking = Thinking.ALWAYS
    else:
        thinking = chosen.thinking if engine.capabilities.thinks else Thinking.OFF
    base = Turn(
        spoken_answer=args.speak,
        thinking=thinking,
        allow_tools=offered if engine.capabilities.chats else (),
        max_tokens=args.max_tokens,
    )
    for file in args.wav:
        sound = read_sound(file, engine)
        turn = replace(base, id=new_turn_id(), samples_16k=sound, transcribe=True)
        yield _Asked(turn, f"{file.name} ({clock(len(sound) / 16_000)})")
    if not (args.text or args.listen or not args.wav):
        return
    if not sys.stdin.isatty():
        for line in filter(None, map(str.strip, sys.stdin)):
            yield _Asked(replace(base, id=new_turn_id(), text=line), line)
        return
    thinks = thinking is Thinking.ALWAYS
    getting_ready = _getting_ready(engine, session, base)  # goes on where it was, at every wait
    keyboard = Keyboard(
        args.sound,
        listens=args.listen,
        thinks=thinks,
        before=[turn.text for turn in session.turns],
        meanwhile=lambda: chain(getting_ready, session.reading_ahead(base.allow_tools)),
    )
    if args.listen:
        remark("Press Return to speak, or type; /help says more.")
    for said in keyboard.turns():
        if keyboard.thinks != thinks:
            thinks = keyboard.thinks
            base = replace(base, thinking=Thinking.ALWAYS if thinks else Thinking.OFF)
        if isinstance(said, str):
            yield _Asked(replace(base, id=new_turn_id(), text=said), said)
        else:
            spoken = replace(base, id=new_turn_id(), samples_16k=said, transcribe=True)
            yield _Asked(spoken, f"({clock(len(said) / 16_000)})")


def _getting_ready(engine: AnyModel, session: Session, turn: Turn) -> Iterator[object]:
    """Steps that do what turns like this one would wait for; where none is spoken, what speaks is not loaded."""
    if turn.spoken_answer:
        return engine.warming_up(session.settings, turn.allow_tools)
    return engine.warming_networks()


def _confirm(call: ToolCall) -> bool:
    if not sys.stdin.isatty():
        return False
    print(f"Allow {_call(call)}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _converse(args: argparse.Namespace, session: Session, turn: Turn, show: Any) -> None:
    """One turn: show its events, and play its sound or write it. At a terminal Ctrl-C ends the answer alone."""
    number = len(session.turns) + 1
    with closing(_speech(session, turn, show)) as pieces:
        try:
            if args.output is None:
                _play(args, pieces)
            elif made := list(pieces):
                _write_reply(args, number, made)
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            remark("\nStopped.")


def _speech(session: Session, turn: Turn, show: Any) -> Generator[Samples]:
    """The sound of a reply as it comes; everything else of it is shown meanwhile."""
    from engine.events import Speech

    with closing(session.ask(turn)) as events:
        for event in events:
            show(event)
            if isinstance(event, Speech):
                yield event.samples_24k


def _play(args: argparse.Namespace, pieces: Iterator[Samples]) -> None:
    """Play what is spoken, if something is: no loudspeaker is opened for a written answer."""
    first = next(pieces, None)
    if first is not None:
        args.sound.play(chain([first], pieces))


def _write_reply(args: argparse.Namespace, number: int, pieces: list[Samples]) -> None:
    import numpy as np

    from engine.samples import write_wav

    file = args.output / f"reply-{number}.wav"
    write_wav(file, np.concatenate(pieces), 24_000)
    if not args.json:
        result(f"         {file}\n")


class _Terminal:
    """Events as a person reads them: who speaks stands in the first column, figures are dim."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty()
        self._column = ""  # whose line is open
        self._space = ""
        self._heard = ""

    def show(self, event: SessionEvent) -> None:
        """Print one event."""
        from engine import events as e

        match event:
            case e.ThinkingText(text):
                self._write("Thinks", text, dim=True)
            case e.ThinkingEnded(seconds, tokens, skipped):
                self._line(f"{seconds:.1f} s, {tokens} tokens{', cut short' if skipped else ''}")
            case e.AnswerText(text):
                self._write("Earshot", text)
            case e.ToolCall():
                self._line(f"{_call(event)} …")
            case e.ToolResult():
                self._line(f"→ {event.text}")
            case e.Heard():
                self._heard = event.text
            case e.ContextTrimmed():
                self._line(f"made room: {event.sounds_dropped} sounds and {event.turns_dropped} turns left out")
            case e.ReplyEnded():
                self._end(event)

    def _write(self, who: str, text: str, dim: bool = False) -> None:
        if self._column != who:
            self._close()
            text = text.lstrip()
            if not text:
                return
            result(f"{who:<9}", end="")
            self._column = who
        text = self._space + text
        shown = text.rstrip()
        self._space = text[len(shown) :]  # white space waits for what follows, so that no line ends in it
        shown = shown.replace("\n", "\n" + " " * 9)
        result(self._dim(shown) if dim else shown, end="")

    def _line(self, text: str) -> None:
        self._close()
        result(" " * 9 + self._dim(text.replace("\n", "\n" + " " * 9)))

    def _end(self, event: Any) -> None:
        figures, parts = event.statistics, []
        if figures.first_text_s is not None:
            parts.append(f"first text {figures.first_text_s:.2f} s")
        if figures.first_heard_s is not None:
            parts.append(f"first heard {figures.first_heard_s:.2f} s")
        if figures.real_time_factor is not None:
            parts.append(f"{figures.speech_s:.1f} s of speech at {figures.real_time_factor:.2f}× real time")
        parts.append(f"{figures.decode_tokens_per_s:.0f} tokens/s")
        if event.reason != "complete":
            parts.append(event.reason)
        self._close()
        if self._heard:
            self._line(f"heard: {self._heard}")
            self._heard = ""
        self._line(", ".join(parts))
        result("")

    def _close(self) -> None:
        if self._column:
            result("")
        self._column = self._space = ""

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self._colour and text else text


def _call(call: ToolCall) -> str:
    return f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.arguments.items())})"


def _as_json(event: SessionEvent) -> None:
    """One event as a line of JSON; sound is described, not printed."""
    import dataclasses

    values = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    if "samples_24k" in values:
        values["samples"] = len(values.pop("samples_24k"))
    if "statistics" in values:
        values["statistics"] = dataclasses.asdict(values["statistics"])
    result_json({"event": type(event).__name__, **values})
