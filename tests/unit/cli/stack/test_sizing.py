"""What `fraudstream sizing` prints."""

import json

from infra.settings import read_settings
from tests.cli_harness import Command


def test_the_command_prints_settings_that_a_stack_takes(fraudstream: Command) -> None:
    found = json.loads(fraudstream("sizing", "--peak-rps", "800", "--json").out)
    assert found["settings"].keys() == {"processorConcurrency", "analyzerConcurrency", "throttleBurst"}
    given = {name: str(value) for name, value in found["settings"].items()}
    read = read_settings(given.get, "dev", given.keys())
    assert read.processor.concurrency == found["settings"]["processorConcurrency"]
    assert "concurrent executions" in found["toDo"][0]


def test_it_says_what_no_setting_gives(fraudstream: Command) -> None:
    text = " ".join(fraudstream("sizing", "--peak-rps", "20000").err.split())
    for words in ("REQUESTS_PER_SECOND", "warm it up", "10,000 requests a second", "40,000 write units"):
        assert words in text
    assert "REQUESTS_PER_SECOND" not in fraudstream("sizing", "--peak-rps", "500").err


def test_what_hardly_ever_happens_is_said_in_words(fraudstream: Command) -> None:
    said = " ".join(fraudstream("sizing", "--peak-rps", "1").out.split())
    assert "On average less than 0.1 environments" in said
    assert "hardly any request finds none" in said
