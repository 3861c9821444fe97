"""What the program asks the engine of its own stack, before it declares anything."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from infra import previous
from infra.data.keys import readable_keys
from infra.previous import READ_OUTPUTS, READ_RESOURCES, read_previous_stack

KEYS = "urn:pulumi:dev::fraudstream::fraudstream:infra:Keys"


@pytest.fixture(autouse=True)
def in_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("get_organization", "get_project", "get_stack"):
        monkeypatch.setattr(pulumi, name, lambda: "x")
    monkeypatch.setattr(previous.time, "sleep", lambda _: None)


@pytest.mark.parametrize(
    ("failures", "message"), [(3, "failed to load checkpoint: EOF"), (10, ""), (1, "no such stack")]
)
def test_a_state_file_that_is_being_written_is_read_again(
    monkeypatch: pytest.MonkeyPatch, failures: int, message: str
) -> None:
    asked: list[str] = []

    def invoke(function: str, _: dict[str, str]) -> Any:
        asked.append(function)
        if len(asked) <= failures:
            raise RuntimeError(message or "failed to load checkpoint: EOF")
        return SimpleNamespace(value={"outputs": {"region": "us-east-2"}, "secretOutputNames": []})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    if message.startswith("failed"):
        assert read_previous_stack().text("region") == "us-east-2"
        assert asked == [*[READ_OUTPUTS] * (failures + 1), READ_RESOURCES]
    else:
        with pytest.raises(RuntimeError, match=message or "failed to load checkpoint: EOF"):
            read_previous_stack()
        assert len(asked) == failures


def test_a_stack_that_was_never_deployed_is_not_asked_for_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def invoke(function: str, _: dict[str, str]) -> Any:
        asked.append(function)
        return SimpleNamespace(value={"outputs": {}, "secretOutputNames": []})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    assert read_previous_stack().resources == frozenset()
    assert asked == [READ_OUTPUTS]


@pytest.mark.parametrize(
    ("declared", "readable"),
    [
        ((), set[str]()),
        (("randomBytes:RandomBytes::secret-log-key-dev",), {"secret-log-key-dev"}),
        (("randomPassword:RandomPassword::secret-log-key-dev",), set[str]()),
        (
            (
                "randomBytes:RandomBytes::secret-log-key-dev",
                "randomBytes:RandomBytes::secret-token-key-dev",
                "randomPassword:RandomPassword::secret-log-key-dev",
            ),
            {"secret-token-key-dev"},
        ),
    ],
)
def test_a_key_is_readable_while_its_bytes_are_not_imported_as_a_password(
    declared: tuple[str, ...], readable: set[str]
) -> None:
    assert readable_keys([f"{KEYS}$random:index/{each}" for each in declared]) == readable
