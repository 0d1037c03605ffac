"""`make benchmark` starts every benchmark with options that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, Benchmark


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_a_benchmark_takes_the_options_it_is_started_with(benchmark: Benchmark) -> None:
    source = (Path(__file__).parent / "benchmarks" / f"{benchmark.name}.py").read_text(encoding="utf-8")
    given = {*benchmark.arguments, *(["--json"] if benchmark.json else [])}
    missing = [option for option in given if option.startswith("--") and f'"{option}"' not in source]
    assert not missing
