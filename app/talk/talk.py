"""Everything that talking takes, each object with one job."""

from __future__ import annotations

from dataclasses import dataclass

from app.talk.answerer import Answerer
from app.talk.confirmations import Confirmations
from app.talk.conversation import Conversation
from app.talk.conversation_commands import ConversationCommands
from app.talk.conversation_exchange import ConversationExchange
from app.talk.long_recorder import LongRecorder
from app.talk.lost_devices import LostDevices
from app.talk.microphone_test import MicrophoneTest
from app.talk.microphone_use import MicrophoneUse
from app.talk.notices import Notices
from app.talk.pause import Pause
from app.talk.questions import Questions
from app.talk.reading_ahead import ReadingAhead
from app.talk.recorder import Recorder
from app.talk.recording_player import RecordingPlayer
from app.talk.recovery import Recovery
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine
from app.talk.text_reader import TextReader
from app.talk.timers import Timers
from app.talk.turn_commands import TurnCommands
from app.talk.turn_transcriber import TurnTranscriber
from app.talk.voice_recorder import VoiceRecorder


@dataclass(frozen=True)
class Talk:
    """What the controller has to talk with."""

    machine: StateMachine
    notices: Notices
    conversation: Conversation
    confirmations: Confirmations
    microphone_use: MicrophoneUse
    microphone_test: MicrophoneTest
    recorder: Recorder
    questions: Questions
    answerer: Answerer
    replayer: Replayer
    pause: Pause
    turn_transcriber: TurnTranscriber
    commands: TurnCommands
    conversations: ConversationCommands
    exchange: ConversationExchange
    voice_recorder: VoiceRecorder
    long_recorder: LongRecorder
    timers: Timers
    recovery: Recovery
    player: RecordingPlayer
    lost_devices: LostDevices
    text_reader: TextReader
    reading_ahead: ReadingAhead

    def poll(self) -> None:
        """Follow microphone and loudspeaker; called about 30 times a second."""
        for each in (
            self.microphone_use, self.microphone_test, self.recorder, self.voice_recorder, self.long_recorder,
            self.timers, self.replayer, self.answerer, self.player,
        ):  # fmt: skip
            each.poll()
