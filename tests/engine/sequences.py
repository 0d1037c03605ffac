"""Random sequences of what can be done to a conversation."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.fakes import SmallEngine


def try_sequences(conversation: type[RuleBasedStateMachine], engine: SmallEngine, examples: int, steps: int) -> None:
    """Try so many sequences of so many steps with the rules of `conversation` on its `engine`."""
    machine = type("Machine", (conversation,), {"engine": engine})
    slow = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=slow)
