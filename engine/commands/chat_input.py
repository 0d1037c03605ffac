"""What a person says to `earshot chat` at a terminal: typed lines with editing and history, slash commands, speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from engine.commands.console import complain, remark
from engine.commands.sound_door import SoundDoor
from engine.errors import EngineError, RequestError

if TYPE_CHECKING:
    from prompt_toolkit.eventloop import InputHookContext
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from engine.events import Samples

HELP = """\
/help    this
/listen  speak: Return ends it, Ctrl-C discards it (with --listen, Return in an empty line does the same)
/think   let the model think before every answer, or no longer
/quit    end, as Ctrl-D does
Ctrl-C stops an answer; the up and down arrows bring back what you typed."""

_SHORTEST_S = 0.3


class Keyboard:
    """Lines typed at a terminal, one turn each. Nothing that is typed is kept when the conversation is over.

    `before` is what was typed in earlier turns. `thinks` is switched by /think. `meanwhile` gives short steps that are
    made while nothing is typed.
    """

    def __init__(
        self,
        sound: SoundDoor | None,
        *,
        listens: bool = False,
        thinks: bool = False,
        before: Iterable[str] = (),
        meanwhile: Callable[[], Iterator[object]] = lambda: iter(()),
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        self.thinks = thinks
        self._sound, self._listens, self._meanwhile = sound, listens, meanwhile
        self.history = InMemoryHistory([text for text in before if text.strip()])
        self._prompt: PromptSession[str] = PromptSession(history=self.history, input=input, output=output or _stderr())

    def turns(self) -> Iterator[str | Samples]:
        """What is said, typed or spoken, until /quit or Ctrl-D."""
        while True:
            steps = self._meanwhile()

            def use_the_wait(context: InputHookContext, steps: Iterator[object] = steps) -> None:
                while not context.input_is_ready() and next(steps, steps) is not steps:
                    pass

            try:
                line = self._prompt.prompt("> ", inputhook=use_the_wait).strip()
            except EOFError:
                return
            if line == "/quit":
                return
            if line == "/listen" or (self._listens and not line):
                yield from self._spoken()
            elif line.startswith("/"):
                self._obey(line)
            elif line:
                yield line

    def _obey(self, line: str) -> None:
        match line:
            case "/help":
                remark(HELP)
            case "/think":
                self.thinks = not self.thinks
                remark("It thinks before every answer." if self.thinks else "It answers at once.")
            case _:
                remark(f"There is no command {line.split()[0]}: /help names those there are.")

    def _spoken(self) -> Iterator[Samples]:
        """One turn from the microphone; nothing when it was discarded or nobody said anything."""
        try:
            samples = self._listen()
        except KeyboardInterrupt:
            remark("Discarded.")
        except EngineError as error:
            complain(error)
        else:
            if len(samples) < _SHORTEST_S * 16_000:
                remark("That was too short: speak, then press Return.")
            else:
                yield samples

    def _listen(self) -> Samples:
        from prompt_toolkit import PromptSession

        if self._sound is None:
            raise RequestError("`python -m engine` uses no microphone: run `earshot`, or name recordings with --wav.")
        ended: PromptSession[str] = PromptSession(input=self._prompt.input, output=self._prompt.output)

        def wait() -> None:
            try:
                ended.prompt("Listening. Return sends, Ctrl-C discards. ")
            except EOFError:
                raise KeyboardInterrupt from None

        return self._sound.listen(wait)


def _stderr() -> Output:
    """The prompt is no result: stdout stays for those."""
    import sys

    from prompt_toolkit.output import create_output

    return create_output(stdout=sys.stderr)
