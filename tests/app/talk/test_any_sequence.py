"""A few sequences of whatever a person may do; tests/quality does hundreds."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from PySide6.QtWidgets import QApplication

from tests.app.talk.any_sequence import AnySequence


@pytest.mark.slow
def test_any_sequence_leaves_window_database_and_memory_in_agreement(qapp: QApplication) -> None:
    run_state_machine_as_test(AnySequence, settings=settings(max_examples=4, stateful_step_count=12))  # type: ignore[no-untyped-call]
