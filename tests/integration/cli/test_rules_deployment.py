"""`rules deploy`, `history` and `rollback` on a real, versioned bucket, and what the functions make of it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES, RULESET_PREFIX
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream.detection.stores.rulesets.active import RulesetStore
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES
from fraudstream_tools.operations.audit.change_note import ChangeNote
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError, RulesetBucket
from fraudstream_tools.operations.rulesets.history import RulesetHistory
from tests.cli_harness import Command, point_at

RULES = Path(__file__).parents[3] / "rules"
BUCKET = "bucket-reports-test"
ROOT = "arn:aws:iam::000000000000:root"


class Stored:
    """A stack's bucket, as `pulumi up` leaves it, and a folder of rules beside it."""

    def __init__(self, s3: Any, folder: Path) -> None:
        self.s3 = s3
        self.folder = folder
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        folder.mkdir()
        for name in RULESET_FILES:
            shutil.copy(RULES / name, folder)
            self.upload(name)

    def upload(self, name: str, content: bytes | None = None) -> None:
        """Write a file as somebody does who uses no command."""
        body = (self.folder / name).read_bytes() if content is None else content
        self.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + name, Body=body)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file of the folder."""
        file = self.folder / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    def active(self) -> str:
        """The version that a function which starts now judges by."""
        store = RulesetStore(self.s3, bucket=BUCKET, on_refused=lambda _: None, history=lambda: self.s3)
        return store.current().version

    def metadata(self, name: str) -> dict[str, str]:
        return self.s3.head_object(Bucket=BUCKET, Key=RULESET_PREFIX + name)["Metadata"]

    def writes(self) -> int:
        return len(self.s3.list_object_versions(Bucket=BUCKET, Prefix=RULESET_PREFIX)["Versions"])


@pytest.fixture
def stored(aws: MinistackServer, tmp_path: Path) -> Stored:
    return Stored(aws.client("s3"), tmp_path / "rules")


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def history(fraudstream: Command) -> list[dict[str, Any]]:
    return json.loads(fraudstream("rules", "history", "--json").out)


def test_functions_use_a_deployed_ruleset_whose_object_says_who_and_why(fraudstream: Command, stored: Stored) -> None:
    before = stored.active()
    stored.edit("ruleset.yaml", "    points: 0.5\n", "    points: 1.5\n")
    ran = fraudstream("rules", "deploy", "--yes", "--reason", "zu viele Kartentests, März")
    assert (ran.code, ran.err) == (0, "")
    assert "~ card-velocity changed" in ran.out
    assert "points: 0.5 → 1.5" in ran.out
    assert stored.active() != before
    assert stored.active() in ran.out
    newest, first = history(fraudstream)
    assert (newest["version"], newest["standing"], newest["action"]) == (stored.active(), "active", "deploy")
    assert (newest["by"], newest["reason"]) == (ROOT, "zu viele Kartentests, März")
    assert newest["files"] == ["ruleset.yaml"]
    assert (first["version"], first["standing"], first["by"]) == (before, "usable", None)
    assert first["files"] == sorted(RULESET_FILES)
    shown = fraudstream("rules", "history").out
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  ", shown)
    assert f"deploy by {ROOT}: zu viele Kartentests, März" in shown
    assert "by pulumi up, or by hand" in shown


def test_the_difference_names_rules_points_expressions_thresholds_and_lists(
    fraudstream: Command, stored: Stored
) -> None:
    stored.edit("ruleset.yaml", "  - id: odd-hour\n", "  - id: odd-hours\n")
    stored.edit("ruleset.yaml", "and cardCount2h >= earlier", "and cardCount2h > earlier")
    stored.edit("ruleset.yaml", "review: 30", "review: 31")
    stored.edit("lists.yaml", "customer: []", f"customer: [tok_{'a' * 22}]")
    ran = fraudstream("rules", "deploy", "--dry-run", "--json")
    found = json.loads(ran.out)["difference"]
    assert [(each["rule"], each["kind"]) for each in found["rules"]] == [
        ("card-velocity", "changed"),
        ("odd-hour", "removed"),
        ("odd-hours", "added"),
    ]
    assert found["rules"][0]["values"] == {
        "when": {
            "before": "type in spending and cardCount2h >= earlier",
            "after": "type in spending and cardCount2h > earlier",
        }
    }
    assert found["settings"] == {"review": {"before": 30, "after": 31}}
    assert found["lists"] == [
        {
            "name": "blocked",
            "kind": "changed",
            "added": 1,
            "removed": 0,
            "entries_added": [f"customer tok_{'a' * 22}"],
            "entries_removed": [],
        }
    ]
    shown = fraudstream("rules", "deploy", "--dry-run").out
    for line in ("- odd-hour removed", "+ odd-hours added", "~ review: 30 → 31", "list blocked: 1 entry added"):
        assert line in shown
    assert stored.writes() == 3


def test_nothing_is_written_without_a_yes_or_when_nothing_changes(fraudstream: Command, stored: Stored) -> None:
    assert "holds this ruleset already" in fraudstream("rules", "deploy", "--yes").out
    stored.edit("ruleset.yaml", "review: 30", "review: 31")
    ran = fraudstream("rules", "deploy")
    assert ran.code == 1
    assert "say --yes" in ran.err
    assert stored.writes() == 3


def test_what_the_functions_would_refuse_is_not_deployed(fraudstream: Command, stored: Stored) -> None:
    stored.edit("ruleset.yaml", "cardCount2h >=", "cardCount2hours >=")
    stored.edit("lists.yaml", "customer: []", "customer: [nobody]")
    ran = fraudstream("rules", "deploy", "--yes")
    assert ran.code == 1
    assert "rule card-velocity" in ran.err
    assert "lists.yaml" in ran.err
    assert stored.writes() == 3


def test_a_rule_that_nothing_can_meet_is_not_deployed_and_stays_where_it_is(
    fraudstream: Command, stored: Stored
) -> None:
    good = stored.active()
    stored.edit("ruleset.yaml", "cardCount2h >= earlier", 'cardCount2h >= earlier and cardCountry == "de"')
    ran = fraudstream("rules", "deploy", "--yes")
    assert ran.code == 1
    assert "cardCountry is never de" in ran.err
    assert stored.writes() == 3
    # An earlier release stored it: functions go on reading it, and it can be gone back to.
    stored.upload("ruleset.yaml")
    old = stored.active()
    assert old != good
    assert history(fraudstream)[0]["standing"] == "active"
    fraudstream("rules", "rollback", good, "--yes")
    assert fraudstream("rules", "rollback", old, "--yes").code == 0
    assert stored.active() == old


def test_a_damaged_folder_is_told_before_anything_is_asked_of_aws(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    folder = tmp_path / "damaged"
    shutil.copytree(RULES, folder)
    (folder / "ruleset.yaml").write_text("rules: 7")
    for content in ("rules: 7", None):
        if content is None:
            (folder / "ruleset.yaml").unlink()
        ran = fraudstream("rules", "deploy", str(folder), "--yes")
        assert ran.code == 1
        assert f"the ruleset in {folder} cannot be used" in ran.err
        assert "AWS" not in ran.err


@pytest.mark.parametrize("reason", ["  ", "x" * 501, "card 4111 1111 1111 1111"])
def test_a_reason_that_cannot_be_noted_is_refused(fraudstream: Command, stored: Stored, reason: str) -> None:
    stored.edit("ruleset.yaml", "review: 30", "review: 31")
    ran = fraudstream("rules", "deploy", "--yes", "--reason", reason)
    assert ran.code == 1
    assert "the reason" in ran.err
    assert "4111" not in ran.err
    assert stored.writes() == 3


def note() -> ChangeNote:
    return ChangeNote(action="deploy", by=ROOT)


def test_other_content_with_the_old_metadata_speaks_for_nobody(fraudstream: Command, stored: Stored) -> None:
    stored.edit("ruleset.yaml", "review: 30", "review: 31")
    fraudstream("rules", "deploy", "--yes", "--reason", "mine")
    stored.edit("ruleset.yaml", "review: 31", "review: 32")
    stored.s3.put_object(
        Bucket=BUCKET,
        Key=f"{RULESET_PREFIX}ruleset.yaml",
        Body=(stored.folder / "ruleset.yaml").read_bytes(),
        Metadata=stored.metadata("ruleset.yaml"),
    )
    assert [each["reason"] for each in history(fraudstream)] == [None, "mine", None]


@pytest.mark.parametrize("changed", RULESET_FILES)
def test_two_deployers_never_overwrite_each_other_unknowingly(stored: Stored, changed: str) -> None:
    first, second = RulesetBucket(stored.s3, BUCKET), RulesetBucket(stored.s3, BUCKET)
    files = {name: (stored.folder / name).read_bytes() for name in RULESET_FILES}
    mine = first.plan_deployment({**files, "ruleset.yaml": files["ruleset.yaml"] + b"# mine\n"})
    theirs = second.plan_deployment({**files, changed: files[changed] + b"# theirs\n"})
    second.put(theirs, note())
    with pytest.raises(ConcurrentChangeError, match="nothing was written"):
        first.put(mine, note())
    assert stored.active() == theirs.after


def test_a_file_that_changes_between_look_and_write_stays(stored: Stored) -> None:
    files = {name: (stored.folder / name).read_bytes() for name in RULESET_FILES}
    bucket = RulesetBucket(stored.s3, BUCKET)
    plan = bucket.plan_deployment({name: content + b"# mine\n" for name, content in files.items()})

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["Key"].endswith("rates.yaml") and b"# mine" in params["Body"]:
            stored.upload("rates.yaml", files["rates.yaml"] + b"# theirs\n")

    stored.s3.meta.events.register_first("before-parameter-build.s3.PutObject", overtake)
    try:
        with pytest.raises(ConcurrentChangeError, match=r"rates.yaml .* lists.yaml had been written"):
            bucket.put(plan, note())
    finally:
        stored.s3.meta.events.unregister("before-parameter-build.s3.PutObject", overtake)
    assert bucket.stored().contents["rates.yaml"].endswith(b"# theirs\n")


def test_a_write_whose_answer_was_lost_is_known_as_its_own(stored: Stored) -> None:
    files = {name: (stored.folder / name).read_bytes() for name in RULESET_FILES}
    bucket = RulesetBucket(stored.s3, BUCKET)
    plan = bucket.plan_deployment({**files, "lists.yaml": files["lists.yaml"] + b"# mine\n"})
    own = note()

    def lose(**_: object) -> None:
        # The first attempt was applied, and the SDK sends the same again.
        stored.s3.meta.events.unregister("before-send.s3.PutObject", lose)
        stored.s3.put_object(
            Bucket=BUCKET,
            Key=f"{RULESET_PREFIX}lists.yaml",
            Body=plan.contents["lists.yaml"],
            Metadata=own.to_metadata(plan.contents["lists.yaml"]),
        )

    stored.s3.meta.events.register_first("before-send.s3.PutObject", lose)
    bucket.put(plan, own)
    assert stored.active() == plan.after


def test_rolling_back_makes_the_version_before_active_and_is_in_the_history(
    fraudstream: Command, stored: Stored
) -> None:
    first = stored.active()
    stored.edit("ruleset.yaml", "review: 30", "review: 31")
    fraudstream("rules", "deploy", "--yes")
    second = stored.active()
    ran = fraudstream("rules", "rollback", "--yes", "--reason", "too many reviews")
    assert ran.code == 0
    assert "~ review: 31 → 30" in ran.out
    assert stored.active() == first
    newest = history(fraudstream)[0]
    assert (newest["action"], newest["standing"], newest["reason"]) == ("rollback", "active", "too many reviews")
    assert f"rollback by {ROOT}: too many reviews" in fraudstream("rules", "history").out
    fraudstream("rules", "rollback", second[:5], "--yes")
    assert stored.active() == second


def test_a_second_rollback_does_not_bring_back_what_the_first_took_away(fraudstream: Command, stored: Stored) -> None:
    first = stored.active()
    for before, after in ((30, 31), (31, 32)):
        stored.edit("ruleset.yaml", f"review: {before}", f"review: {after}")
        assert fraudstream("rules", "deploy", "--yes").code == 0
    assert fraudstream("rules", "rollback", "--yes").code == 0
    good, writes = stored.active(), stored.writes()
    ran = fraudstream("rules", "rollback", "--yes")
    assert ran.code == 1
    assert f"rolled back already, by {ROOT} at 20" in ran.err
    assert f"ruleset {good} is active" in ran.err
    assert (stored.active(), stored.writes()) == (good, writes)
    assert fraudstream("rules", "rollback", first, "--yes").code == 0
    assert stored.active() == first


def test_a_history_that_is_cut_off_says_so(fraudstream: Command, stored: Stored) -> None:
    stored.upload("ruleset.yaml", b"rules: [")
    for form in ((), ("--json",)):
        assert fraudstream("rules", "history", "--limit", 1, *form).err == "the newest 1; --limit shows more\n"
        assert fraudstream("rules", "history", "--limit", 2, *form).err == ""


def test_an_unknown_or_ambiguous_version_is_named(fraudstream: Command, stored: Stored) -> None:
    ran = fraudstream("rules", "rollback", "ffffffff", "--yes")
    assert ran.code == 1
    assert "keeps no ruleset ffffffff" in ran.err
    assert "at least 4" in fraudstream("rules", "rollback", "f", "--yes").err
    assert "no earlier ruleset" in fraudstream("rules", "rollback", "--yes").err
    assert stored.writes() == 3


def test_a_refused_ruleset_is_shown_with_its_problem_and_taken_back(fraudstream: Command, stored: Stored) -> None:
    good = stored.active()
    stored.upload("ruleset.yaml", b"rules: [")
    assert stored.active() == good
    newest, before = history(fraudstream)
    assert (newest["standing"], newest["rules"]) == ("refused", None)
    assert "ruleset.yaml" in newest["problems"][0]
    assert (before["standing"], before["version"]) == ("active", good)
    assert "refused: ruleset.yaml" in fraudstream("rules", "history").out
    ran = fraudstream("rules", "rollback", newest["version"], "--yes")
    assert ran.code == 1
    assert "is refused" in ran.err
    assert fraudstream("rules", "rollback", "--yes").code == 0
    assert history(fraudstream)[0]["standing"] == "active"
    assert history(fraudstream)[0]["version"] == good


def test_no_more_is_read_of_a_file_than_shows_that_it_is_too_large(fraudstream: Command, stored: Stored) -> None:
    """One author of rules could fill the memory of whoever looks at them."""
    good, large = stored.active(), b"# " + b"x" * (3 * MOST_BYTES)
    stored.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + "ruleset.yaml", Body=large)
    newest = next(RulesetHistory(stored.s3, BUCKET).versions())
    sizes = [newest.contents["ruleset.yaml"], RulesetBucket(stored.s3, BUCKET).stored().contents["ruleset.yaml"]]
    assert [len(each) for each in sizes] == [MOST_BYTES + 1] * 2
    assert newest.problems == ("ruleset.yaml: it is larger than 400,000 bytes",)
    assert [each["standing"] for each in history(fraudstream)] == ["refused", "active"]
    assert stored.active() == good


def test_a_file_that_was_deleted_comes_back(fraudstream: Command, stored: Stored) -> None:
    good = stored.active()
    stored.s3.delete_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}lists.yaml")
    newest = history(fraudstream)[0]
    assert (newest["standing"], newest["version"]) == ("refused", None)
    assert newest["problems"] == ["lists.yaml: it is not there"]
    assert fraudstream("rules", "deploy", "--yes").code == 0
    assert history(fraudstream)[0]["version"] == stored.active() == good


@pytest.mark.parametrize("asked", ["from now on", "no more"])
def test_a_function_that_reads_in_between_finds_a_ruleset_that_it_can_use(stored: Stored, asked: str) -> None:
    bucket = RulesetBucket(stored.s3, BUCKET)
    plain = {name: (stored.folder / name).read_bytes() for name in RULESET_FILES}
    stored.edit("lists.yaml", "trusted:", f"watched:\n  customer: [tok_{'a' * 22}]\ntrusted:")
    stored.edit("ruleset.yaml", 'when: listed("blocked")', 'when: listed("blocked") or listed("watched")')
    asking = {name: (stored.folder / name).read_bytes() for name in RULESET_FILES}
    if asked == "no more":
        bucket.put(bucket.plan_deployment(asking), note())
    refused: list[Exception] = []

    def look(**_: object) -> None:
        RulesetStore(stored.s3, bucket=BUCKET, on_refused=refused.append).current()

    stored.s3.meta.events.register("after-call.s3.PutObject", look)
    try:
        plan = bucket.plan_deployment(asking if asked == "from now on" else plain)
        assert len(plan.files) == 2
        bucket.put(plan, note())
    finally:
        stored.s3.meta.events.unregister("after-call.s3.PutObject", look)
    assert refused == []
    assert stored.active() == plan.after


def test_a_bucket_without_a_ruleset_says_so(fraudstream: Command, aws: MinistackServer, tmp_path: Path) -> None:
    stored = Stored(aws.client("s3"), tmp_path / "rules")
    for name in RULESET_FILES:
        stored.s3.delete_object(Bucket=BUCKET, Key=RULESET_PREFIX + name)
    for version in stored.s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        stored.s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    assert "holds no ruleset" in fraudstream("rules", "history").err
    with pytest.raises(RulesetError):
        RulesetBucket(stored.s3, BUCKET).plan_deployment({})
    assert fraudstream("rules", "deploy", "--yes", "--to", "bucket").code == 0
    assert history(fraudstream)[0]["standing"] == "active"


def test_a_model_is_promoted_in_the_bucket_beside_the_rules(fraudstream: Command, stored: Stored) -> None:
    ran = fraudstream("promote", RULES.parent / "models/default.json", "--shadow", "--to", "bucket")
    assert (ran.code, ran.err) == (0, "")
    store = RulesetStore(stored.s3, bucket=BUCKET, on_refused=lambda _: None)
    shadow = store.current().models.shadow
    assert shadow is not None
    assert shadow.version in ran.out


def test_a_change_can_be_kept_from_the_wrong_kind_of_system(fraudstream: Command, stored: Stored) -> None:
    ran = fraudstream("rules", "deploy", "--to", "local", "--yes")
    assert ran.code == 1
    assert "fraudstream local" in ran.err
    assert stored.writes() == 3
