"""The keys of tokens and of the log in Pulumi's state: encrypted, kept by an upgrade and a rollback, brought back."""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra import program
from infra.data.key_import import main as write_import_file
from infra.data.keys import ENCRYPTED, READABLE
from tests.engine.engine_harness import Deployment, Engine, Plan
from tests.engine.recording_provider import Account

FUNCTION = "aws:lambda/function:Function"
TOKEN_KEY, LOG_KEY = NAMES = ("secret-token-key-test", "secret-log-key-test")


def keys_in_use(account: Account) -> Mapping[str, str]:
    """The keys as the functions have them, by the names of their resources."""
    variables = {each["name"]: each["environment"]["variables"] for each in account.of(FUNCTION)}
    return {
        TOKEN_KEY: variables["lambda-transaction-processor-test"]["TOKEN_KEY"],
        LOG_KEY: variables["lambda-report-generator-test"]["LOG_KEY"],
    }


def kinds(stack: Deployment) -> set[tuple[str, str]]:
    """Type and name of each key in the state."""
    found = stack.state()["resources"]
    return {(each["type"], each["urn"].split("::")[-1]) for each in found if each["type"] in {READABLE, ENCRYPTED}}


def readable(stack: Deployment) -> list[str]:
    """The keys that stand in the state in clear text."""
    state = json.dumps(stack.state())
    return [name for name, key in keys_in_use(stack.account).items() if key in state]


@pytest.fixture
def of_an_earlier_version(new_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A stack whose keys are random bytes, as versions up to 0.2 made them."""
    stack = new_engine.stack()
    with monkeypatch.context() as earlier:
        earlier.setattr(program, "readable_keys", lambda _: frozenset(NAMES))
        stack.up()
    assert kinds(stack) == {(READABLE, name) for name in NAMES}
    return stack


def test_a_new_stack_holds_its_keys_encrypted(new_engine: Engine) -> None:
    stack = new_engine.stack()
    stack.up()
    assert kinds(stack) == {(ENCRYPTED, name) for name in NAMES}
    assert len(set(keys_in_use(stack.account).values())) == 2
    assert readable(stack) == []


def test_an_upgrade_keeps_the_keys_that_an_earlier_version_made(of_an_earlier_version: Deployment) -> None:
    stack, before = of_an_earlier_version, keys_in_use(of_an_earlier_version.account)
    assert stack.up() == Plan()
    assert keys_in_use(stack.account) == before
    # The fault that made this version draw them otherwise: an id is not encrypted.
    assert readable(stack) == [*NAMES]


def test_a_later_token_key_is_encrypted_beside_those_of_an_earlier_version(
    of_an_earlier_version: Deployment,
) -> None:
    stack, before = of_an_earlier_version, keys_in_use(of_an_earlier_version.account)
    stack.configure({"tokenKeys": "2"})
    assert stack.up().created == {"secret-token-key-2-test"}
    assert kinds(stack) == {*((READABLE, name) for name in NAMES), (ENCRYPTED, "secret-token-key-2-test")}
    assert keys_in_use(stack.account) == before


def test_keys_that_were_readable_are_imported_and_stay_the_same(
    of_an_earlier_version: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack, before = of_an_earlier_version, keys_in_use(of_an_earlier_version.account)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"deployment": stack.state()})))
    write_import_file()
    file = tmp_path / "import.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    stack.adopt(file)
    assert stack.up() == Plan(deleted=frozenset(NAMES))
    assert kinds(stack) == {(ENCRYPTED, name) for name in NAMES}
    assert keys_in_use(stack.account) == before
    assert readable(stack) == []
    stack.refresh()
    assert stack.up() == Plan()


def import_what_is_declared(stack: Deployment, file: Path) -> None:
    """Do as docs/disaster-recovery.md says: import the keys as the program declares them, from the functions."""
    in_use = keys_in_use(stack.account)
    assert {*NAMES} <= stack.preview(import_file=str(file)).created
    declared = json.loads(file.read_text(encoding="utf-8"))
    declared["resources"] = [each for each in declared["resources"] if each["name"] in {*NAMES, "component-keys-test"}]
    for each in declared["resources"]:
        if not each.get("component"):
            each["id"] = in_use[each["name"]]
    file.write_text(json.dumps(declared), encoding="utf-8")
    stack.adopt(file)


def test_a_release_that_makes_random_bytes_gets_the_keys_before_a_rollback(
    new_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = new_engine.stack()
    stack.up()
    before = keys_in_use(stack.account)
    with monkeypatch.context() as earlier:
        earlier.setattr(program, "readable_keys", lambda _: frozenset(NAMES))
        import_what_is_declared(stack, tmp_path / "import.json")
        assert stack.up() == Plan(deleted=frozenset(NAMES))
    assert keys_in_use(stack.account) == before
    assert stack.up() == Plan()


def test_keys_of_a_lost_state_come_back_from_the_functions_settings(new_engine: Engine, tmp_path: Path) -> None:
    stack = new_engine.stack()
    stack.up()
    before = keys_in_use(stack.account)
    stack.lose_state()
    import_what_is_declared(stack, tmp_path / "import.json")
    assert not {*NAMES} & stack.preview().created
    # What is imported beside them needs an account; here the rest is made anew, with the same keys.
    stack.account.objects.clear()
    stack.up()
    assert keys_in_use(stack.account) == before
    assert readable(stack) == []


@pytest.mark.parametrize("given", ["", "{}", '{"deployment": null}', "[]"])
def test_what_is_no_exported_state_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(SystemExit, match="this reads what `pulumi stack export` prints"):
        write_import_file()


def test_a_state_without_readable_keys_has_nothing_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"deployment": {"resources": []}}'))
    with pytest.raises(SystemExit, match="there is nothing to import"):
        write_import_file()
