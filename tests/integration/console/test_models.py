"""The page of the models: which decides, which is watched, what is known of them, and what is wrong with one."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.models.model import Promise, load, seal
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.storage.attributes import to_item
from tests.console_harness import PROFILES, RULES, Browser, desk_command, words
from tests.integration.cli.review_harness import BUCKET, NOW, System
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, Stream, decision, item, report_of, transaction

MODELS = RULES.parent / "models"
DEFAULT = load((MODELS / "default.json").read_bytes()).file


def put_models(system: System, selection: bytes, model: bytes | None) -> None:
    system.s3.put_object(Bucket=BUCKET, Key="rulesets/live/models.yaml", Body=selection)
    if model is not None:
        system.s3.put_object(Bucket=BUCKET, Key="rulesets/live/models/default.json", Body=model)


def test_the_shipped_model_is_watched_and_says_of_itself_what_it_is(browser: Browser, system: System) -> None:
    put_models(system, (MODELS / "models.yaml").read_bytes(), (MODELS / "default.json").read_bytes())
    page = browser.page("/models")
    said = words(page)
    assert "It is watched, and never counts" in said
    assert DEFAULT.version in said
    assert "none of yours: it may never decide" in said
    assert f"{len(DEFAULT.trees)} trees, {len(DEFAULT.features)} features" in said
    assert "recall at 0.1 % false positives 0.6529 precision there 0.8232 log loss 0.0096" in said
    assert "No report compares the scores with earlier days yet." in said
    asked = re.search(r"made (\d+) requests? to AWS", page)
    assert asked
    assert int(asked[1]) <= 5


def test_the_newest_report_says_how_many_it_scored(browser: Browser, system: System, tmp_path: Path) -> None:
    put_models(system, (MODELS / "models.yaml").read_bytes(), (MODELS / "default.json").read_bytes())
    stream = Stream()
    for number in range(3):
        at = MIDNIGHT + (9 + number) * HOUR
        stored = item(transaction(number, at=at))
        scored = msgspec.structs.replace(decision(Verdict.APPROVE, at=at), shadow_model=DEFAULT.version, shadow_score=4)
        stream.add(stored, at=at)
        stream.add(stored | scored.to_item(), stored, at=at + 400)
    report = report_of(stream, tmp_path)
    (written,) = tmp_path.rglob("report.json")
    key = f"reports/date={report.date}/report.json"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=written.read_bytes())
    assert f"3 transactions on {report.date}" in words(browser.page("/models"))


def test_without_a_model_rules_decide_alone(browser: Browser, system: System) -> None:
    assert "rules decide alone" in words(browser.page("/models"))
    put_models(system, b"schemaVersion: 1\nlive: null\nshadow: null\n", None)
    assert "rules decide alone" in words(browser.page("/models"))


def test_a_model_that_cannot_be_used_is_named_with_the_reason(browser: Browser, system: System) -> None:
    selection = (MODELS / "models.yaml").read_bytes()
    put_models(system, selection, None)
    assert "default.json cannot be used: it is not there" in words(browser.page("/models"))
    put_models(system, selection, b"{}")
    assert "default.json cannot be used: it is no model" in words(browser.page("/models"))
    put_models(system, b"live: [", None)
    answer = browser.client.get("/models")
    assert answer.status_code == 500
    assert "no model is active" in words(answer.text)


def test_the_page_says_that_the_live_model_is_held_back_and_what_to_do(
    aws: MinistackServer,
    browser: Browser,
    system: System,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = desk_command(aws, capsys, monkeypatch)
    promise = Promise(log_odds=-1.0, shares=(0.001,) * 24, spread=1.0)
    live = seal(msgspec.structs.replace(DEFAULT, own_labels=True, promised=promise))
    put_models(system, b"schemaVersion: 1\nlive: default.json\nshadow: null\n", live.to_json())
    said = words(browser.page("/models"))
    assert "it alone flagged 0 of 0 decisions; its promise allows 10.0" in said
    assert "held back" not in said
    assert "held back" not in command("models", "show").out
    broken = {"entity": f"breaker#{live.version}", "brokenAt": NOW}
    system.dynamodb.put_item(TableName=PROFILES, Item=to_item(broken))
    said = words(browser.page("/models"))
    assert "The live model is held back since" in said
    assert "fraudstream breaker reset" in said
    assert f"the live model {live.version} is held back" in command("models", "show").out
    assert json.loads(command("models", "show", "--json").out)["heldBack"] == live.version
    odd = {"entity": f"breaker#{live.version}", "brokenAt": "now", "decisions1": "many", "resetAt": 1}
    system.dynamodb.put_item(TableName=PROFILES, Item=to_item(odd))
    said = words(browser.page("/models"))
    assert "The live model is held back since" in said
    assert "something else than counts is stored" in said
