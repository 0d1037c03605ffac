"""The engine: one loaded model and what it can do. Values in, iterators of events out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import mlx.core as mx

from engine.checkpoints.load import LoadedCheckpoint, loading
from engine.conversation.model import Capabilities
from engine.conversation.prompting.reading import Reader, SharedPrefixes
from engine.errors import CheckpointError
from engine.events import Progress
from engine.ranks.leading import LeadingModel

if TYPE_CHECKING:
    from engine.conversation.replying.settings import SessionSettings
    from engine.ranks import Ranks
    from engine.remote.model import RemoteModel
    from engine.session import Session
    from engine.speaking import Speaking
    from engine.transcription.results import Options
    from engine.transcription.transcriber import Recognise

AnyModel: TypeAlias = "Engine | RemoteModel"  # here, or on another machine


class Engine:
    """One model in memory. Belongs to the thread that loaded it: MLX arrays must not cross threads.

    for progress in (load := Engine.loading(folder)): ...   # or simply Engine.load(folder)
    model = Engine.connect("http://studio.local:8765")      # the same conversations with a model on another machine
    """

    place = ""  # where it is, for people: nothing, for it is here
    speaks_here = True

    def __init__(self, checkpoint: LoadedCheckpoint) -> None:
        self._checkpoint = checkpoint
        self._speaking: Speaking | None = None
        self.config = checkpoint.config
        self.backend = checkpoint.backend
        self.folder: Path = checkpoint.config.folder
        self.name: str = checkpoint.config.name
        self.variant: str = checkpoint.config.variant
        self.context_length: int = checkpoint.config.context_length
        self.vocabulary = checkpoint.vocabulary
        self.llm = checkpoint.llm
        self.hearing = checkpoint.hearing
        self.shared_prefixes = SharedPrefixes()  # system prompts that were read once, for all sessions
        self.capabilities = Capabilities(
            chats=self.variant != "base",
            thinks=self.variant == "think",
            speaks=(self.folder / "token2wav" / "flow.pt").exists(),
        )

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        dtype: str = "auto",
        insist: bool = False,
        backend: str = "auto",
        ranks: Ranks | None = None,
    ) -> Engine:
        """Load the model in `folder`. Raises CheckpointError with a sentence; see `loading` for the options."""
        steps = cls.loading(folder, dtype=dtype, insist=insist, backend=backend, ranks=ranks)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                engine: Engine = end.value
                return engine

    @classmethod
    def loading(
        cls,
        folder: Path | str,
        *,
        dtype: str = "auto",
        insist: bool = False,
        backend: str = "auto",
        ranks: Ranks | None = None,
    ) -> Generator[Progress, None, Engine]:
        """Load step by step; the generator's value is the engine. Closing it gives the memory back.

        `dtype`: "auto" (as stored on a GPU, float32 on a CPU), "float32", "float16" or "bfloat16".
        `insist` loads a model that does not seem to fit into memory. `backend`: "plain", "cpu", "cuda", or "auto" (the
        one in EARSHOT_BACKEND, else what fits the machine). `ranks`, of which this process is number 0, share the
        language model. Raises CheckpointError, or RequestError for a back-end that does not work here or a model that
        so many ranks cannot share.
        """
        checkpoint = yield from loading(Path(folder), dtype=dtype, insist=insist, backend=backend, ranks=ranks)
        mx.clear_cache()  # buffers of weights fit no reply: they would lie there until one is kept waiting to free them
        return cls(checkpoint)

    @staticmethod
    def connect(address: str, token: str = "", speech_folders: Sequence[Path] | None = None) -> RemoteModel:
        """The model that another machine serves, to be used like one that was loaded. See `remote.connect`."""
        from engine.remote.connecting import connect

        return connect(address, token, speech_folders)

    @property
    def speaking(self) -> Speaking:
        """The networks that turn speech tokens into sound, loaded on first use. Raises CheckpointError without them."""
        if self._speaking is None:
            if not self.capabilities.speaks:
                raise CheckpointError(
                    "The model in {folder} has no token2wav folder, so it cannot speak. Download the complete model.",
                    folder=self.folder,
                )
            from engine.checkpoints.load_speaking import load_speaking

            steps = self.config.earshot.get("flow_steps")
            self._speaking = load_speaking(self.folder / "token2wav", steps, self.backend)
            mx.clear_cache()  # as after loading the rest
        return self._speaking

    @property
    def memory_bytes(self) -> int:
        """Bytes that MLX holds for this process at the moment."""
        return int(mx.get_active_memory())

    @property
    def about(self) -> dict[str, Any]:
        """What the folder says of itself for people: "about", "can" and "cannot" (points), "try" (phrases),
        "languages", "demonstration".
        """
        return dict(self.config.earshot)

    def new_reader(self) -> Reader:
        """What reads and writes for one conversation, or one task."""
        return Reader(self.llm, self.shared_prefixes)

    def recogniser(self, options: Options) -> Recognise:
        """What transcribes windows of recordings as `options` ask. Raises RequestError for an unknown language."""
        from engine.transcription.recogniser import Recogniser

        return Recogniser(self, options)

    def session(self, **options: Any) -> Session:
        """A new conversation; the options are those of `Session`."""
        from engine.session import Session

        return Session(self, **options)

    def warming_networks(self) -> Iterator[None]:
        """Do beforehand what the first sound and the first id would wait for. See `warming.warming_networks`."""
        from engine.warming import warming_networks

        return warming_networks(self)

    def warming_up(self, settings: SessionSettings | None = None, tools: tuple[str, ...] = ()) -> Generator[Progress]:
        """Do beforehand what the first reply would wait for, a short step at a time. See `warming.warming_up`."""
        from engine.warming import warming_up

        return warming_up(self, settings, tools)

    def close(self) -> None:
        """Give the memory back and end its threads. The engine cannot be used afterwards."""
        if self._speaking is not None:
            self._speaking.close()
        self._speaking = None
        if isinstance(self.llm, LeadingModel):
            self.llm.end()
        self.shared_prefixes.clear()
        del self._checkpoint, self.llm, self.hearing
        mx.clear_cache()
