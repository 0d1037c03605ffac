"""Hundreds of sequences of whatever a person may do."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from PySide6.QtWidgets import QApplication

from tests.app.talk.any_sequence import AnySequence


def test_any_sequence_leaves_window_database_and_memory_in_agreement(qapp: QApplication) -> None:
    run_state_machine_as_test(AnySequence, settings=settings(max_examples=200, stateful_step_count=30))  # type: ignore[no-untyped-call]
