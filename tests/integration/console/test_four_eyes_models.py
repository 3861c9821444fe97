"""Models that need two people: what one has promoted is not used until another approves it; the functions see to it."""

import json
from functools import partial
from pathlib import Path

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_PREFIX, FourEyes
from fraudstream.detection.models.model import Model, Promise, load, seal
from fraudstream.detection.stores.approvals.file_approvals import Approvals, NotApprovedError
from fraudstream.detection.stores.rulesets.active import RulesetStore
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.models.stored_models import stored_models
from infra.data.program_rules import MODELS, program_models
from tests.cli_harness import Command
from tests.console_harness import ANNA, BEN, Browser, browser_on, desk_command, words
from tests.integration.cli.review_harness import BUCKET, System

DEFAULT = load((MODELS / "default.json").read_bytes())
OTHER = seal(msgspec.structs.replace(DEFAULT.file, trained_on="2026-11-01 to 2026-11-26"))


@pytest.fixture
def command(
    aws: MinistackServer, system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command line of somebody who is neither Anna nor Ben; the models that came with the program are stored."""
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key, file in (("models/default.json", "default.json"), ("models.yaml", "models.yaml")):
        system.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + key, Body=(MODELS / file).read_bytes())
    made = desk_command(aws, capsys, monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_APPROVED_MODELS", program_models())
    return made


def desk(aws: MinistackServer, person: Operator = ANNA) -> Browser:
    browser = browser_on(aws, person)
    browser.system.approved_models = program_models()
    return browser.enter()


def shadow_of(system: System, refused: list[Exception] | None = None) -> str | None:
    """Return which model a function that starts now watches."""
    s3 = system.s3
    store = RulesetStore(
        s3,
        bucket=BUCKET,
        on_refused=([] if refused is None else refused).append,
        history=lambda: s3,
        model_approvals=Approvals(s3, BUCKET, program_models(), FourEyes.MODELS),
    )
    shadow = store.current().models.shadow
    return shadow and shadow.version


def promote(command: Command, folder: Path, model: Model = OTHER) -> str:
    (folder / "other.json").write_bytes(model.to_json())
    ran = command("promote", folder / "other.json", "--shadow", "--to", "bucket")
    assert ran.code == 0, ran.err
    return ran.err


def approve(browser: Browser) -> str:
    form = browser.form(browser.page("/models"), "/models/approve")
    return words(browser.send("/models/approve", **form, reason="seen its card"))


def test_what_came_with_the_program_needs_nobody(command: Command, system: System, aws: MinistackServer) -> None:
    assert shadow_of(system) == DEFAULT.version
    assert "wait for a second person" not in words(desk(aws).page("/models"))
    assert json.loads(command("models", "show", "--json").out)["waits"] is False


def test_a_promoted_model_counts_only_after_another_person_approved_it(
    command: Command, system: System, aws: MinistackServer, tmp_path: Path
) -> None:
    assert "somebody else has approved it" in promote(command, tmp_path)
    refused: list[Exception] = []
    assert shadow_of(system, refused) == DEFAULT.version
    assert [type(each) for each in refused] == [NotApprovedError]
    ben = desk(aws, BEN)
    said = words(ben.page("/models"))
    assert "It would be watched, and never count" in said
    assert "has promoted or approved them. Until somebody else approves them, the functions go on with" in said
    assert (
        f"{DEFAULT.version} , which is watched. Whoever does not want them has the earlier ones promoted again" in said
    )
    assert "You have approved the models" in approve(ben)
    assert shadow_of(system) == OTHER.version
    page = words(ben.page("/models"))
    assert "wait for a second person" not in page
    assert "It is watched, and never counts" in page
    record = ben.records()[-1]
    assert (record["action"], record["userId"], record["reason"]) == ("approve-models", BEN.user_id, "seen its card")


def test_who_has_put_a_mark_on_models_is_not_asked_for_another(
    command: Command, system: System, aws: MinistackServer
) -> None:
    del command  # it has stored the models
    system.s3.put_object(
        Bucket=BUCKET, Key=f"{RULESET_PREFIX}models.yaml", Body=b"schemaVersion: 1\nlive: default.json\n"
    )
    anna, ben = desk(aws), desk(aws, BEN)
    approve(anna)
    page = anna.page("/models")
    assert "/models/approve" not in page
    assert "Your mark is on it: somebody else has to approve it" in words(page)
    assert "You have approved the models" in approve(ben)


def test_who_promotes_while_other_models_wait_is_told_that_these_are_displaced(
    command: Command, aws: MinistackServer, tmp_path: Path
) -> None:
    assert "take their place" not in promote(command, tmp_path)
    waiting = json.loads(command("models", "show", "--json").out)["version"]
    assert "take their place" not in promote(command, tmp_path), "the same once more displaces nothing"
    assert f"models {waiting} wait for a second person; these take their place" in promote(command, tmp_path, DEFAULT)
    promote(command, tmp_path)
    approve(desk(aws, BEN))
    assert "take their place" not in promote(command, tmp_path, DEFAULT), "what is approved is kept"


def test_who_approves_again_what_two_have_approved_is_told_so(
    command: Command, aws: MinistackServer, tmp_path: Path
) -> None:
    promote(command, tmp_path)
    approve(desk(aws, BEN))
    digest = json.loads(command("models", "show", "--json").out)["digest"]
    ran = command("models", "approve", digest, "--reason", "once more")
    assert (ran.code, "two people have approved it" in ran.err) == (1, True)


def test_nobody_approves_what_they_promoted(command: Command, system: System, tmp_path: Path) -> None:
    promote(command, tmp_path)
    digest = json.loads(command("models", "show", "--json").out)["digest"]
    ran = command("models", "approve", digest, "--reason", "mine")
    assert ran.code == 1
    assert "somebody else has to look at it" in ran.err
    assert shadow_of(system) == DEFAULT.version


def test_a_file_that_is_stored_under_an_approved_name_is_something_else(
    command: Command, system: System, aws: MinistackServer, tmp_path: Path
) -> None:
    promote(command, tmp_path)
    assert "which waits until somebody else has approved it" in command("models", "show").out
    approve(desk(aws, BEN))
    assert "waits" not in command("models", "show").out
    key = f"{RULESET_PREFIX}models/{OTHER.version}.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=DEFAULT.to_json())
    assert shadow_of(system) == OTHER.version
    shown = json.loads(command("models", "show", "--json").out)
    for other in ("0" * 64, shown["version"]):
        assert "look at them again" in command("models", "approve", other, "--reason", "seen").err
    assert command("models", "approve", shown["digest"], "--reason", "seen").code == 0
    assert shadow_of(system) == OTHER.version
    approve(desk(aws, BEN))
    assert shadow_of(system) == DEFAULT.version


def test_a_mark_on_rules_is_none_on_models(
    command: Command, system: System, aws: MinistackServer, tmp_path: Path
) -> None:
    promote(command, tmp_path)
    ben = desk(aws, BEN).system
    digest = stored_models(ben.s3, BUCKET).digest
    assert digest is not None
    ben.approver(FourEyes.RULES).mark(digest)
    assert shadow_of(system) == DEFAULT.version


def test_the_breaker_that_is_shown_is_of_the_model_that_functions_use(
    command: Command, system: System, aws: MinistackServer
) -> None:
    put = partial(system.s3.put_object, Bucket=BUCKET)
    promise = Promise(log_odds=-1.0, shares=(0.001,) * 24, spread=1.0)
    watched = seal(msgspec.structs.replace(DEFAULT.file, own_labels=True, promised=promise))
    put(Key=f"{RULESET_PREFIX}models/other.json", Body=watched.to_json())
    put(Key=f"{RULESET_PREFIX}models.yaml", Body=b"live: other.json\n")
    anna, ben = desk(aws), desk(aws, BEN)
    shown = command("breaker", "show")
    assert (shown.code, shown.err) == (0, "")
    assert "no model is live" in shown.out
    assert json.loads(command("breaker", "show", "--json").out) is None
    assert "it alone flagged" not in words(anna.page("/models"))
    for person in (anna, ben):
        approve(person)
    assert json.loads(command("breaker", "show", "--json").out)["version"] == watched.version


def test_where_one_person_is_enough_nobody_approves(browser: Browser) -> None:
    said = browser.send("/models/approve", version="0" * 12, reason="seen")
    assert "asks for no second person" in words(said)
