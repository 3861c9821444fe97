"""Two people promote models at the same time: nothing is lost, and nobody's mark is on what they have not chosen."""

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_PREFIX, FourEyes
from fraudstream.detection.models.model import Model, load, seal
from fraudstream_tools.operations.approving import Approver
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.models.approving import ModelApproval
from fraudstream_tools.operations.models.promotion import ModelPromotion, WaitingModelError
from fraudstream_tools.operations.models.stored_models import StoredModels, models_in_use, stored_models
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError
from infra.data.program_rules import MODELS, program_models
from tests.console_harness import ANNA, BEN, browser_on, desk_command, put_ruleset, words
from tests.integration.cli.review_harness import BUCKET, System

DEFAULT = load((MODELS / "default.json").read_bytes())
LIVE = seal(msgspec.structs.replace(DEFAULT.file, own_labels=True, trained_on="one"))
OTHER = seal(msgspec.structs.replace(DEFAULT.file, own_labels=True, trained_on="another"))


@dataclass(frozen=True)
class Person:
    """Somebody who promotes and approves where models need two people."""

    system: System
    operator: Operator

    @property
    def approval(self) -> ModelApproval:
        s3 = self.system.s3
        approver = Approver(s3=s3, bucket=BUCKET, audit=AuditLog(s3, BUCKET, self.operator), kind=FourEyes.MODELS)
        return ModelApproval(approver, program_models())

    @property
    def stored(self) -> StoredModels:
        return stored_models(self.system.s3, BUCKET)

    @property
    def promotion(self) -> ModelPromotion:
        return ModelPromotion(self.system.s3, BUCKET, self.approval)

    def promote(self, model: Model, *, live: bool) -> None:
        self.promotion.put(self.promotion.plan(model, live=live))

    def approve(self) -> None:
        self.approval.approve(self.stored, self.stored.digest or "", reason="seen")


@pytest.fixture
def anna(system: System) -> Person:
    """Somebody with a system that has the models which came with the program."""
    put_ruleset(system)
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key, file in (("models/default.json", "default.json"), ("models.yaml", "models.yaml")):
        system.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + key, Body=(MODELS / file).read_bytes())
    return Person(system, ANNA)


@pytest.fixture
def ben(anna: Person) -> Person:
    return Person(anna.system, BEN)


def test_whom_another_promotion_overtakes_loses_nothing_of_it(anna: Person, ben: Person) -> None:
    of_anna = anna.promotion.plan(LIVE, live=True)
    of_ben = ben.promotion.plan(OTHER, live=False)
    ben.promotion.put(of_ben)
    with pytest.raises(ConcurrentChangeError, match="run it again"):
        anna.promotion.put(of_anna)
    assert [(each.is_live, each.name) for each in anna.stored.models] == [(False, f"{OTHER.version}.json")]
    assert not anna.approval.has_marked(anna.stored)


def test_a_mark_is_on_what_was_planned_and_on_nothing_else(anna: Person, ben: Person) -> None:
    plan = anna.promotion.plan(LIVE, live=True)
    key = f"{RULESET_PREFIX}models/default.json"
    # It stays as the shadow model, and is another by the time of the mark.
    anna.system.s3.put_object(Bucket=BUCKET, Key=key, Body=OTHER.to_json())
    anna.promotion.put(plan)
    assert not anna.approval.has_marked(anna.stored)
    ben.approve()
    assert ben.approval.waits(ben.stored)


def test_nobody_carries_along_a_model_that_waits(anna: Person, ben: Person) -> None:
    anna.promote(LIVE, live=True)
    with pytest.raises(WaitingModelError, match=f"the live model {LIVE.version}.json waits"):
        ben.promotion.plan(OTHER, live=False)
    ben.approve()
    ben.promote(OTHER, live=False)
    anna.approve()
    used = models_in_use(anna.system.s3, BUCKET, program_models())
    assert (used.live and used.live.version, used.shadow and used.shadow.version) == (LIVE.version, OTHER.version)


def test_what_waits_may_be_replaced_by_somebody_else(anna: Person, ben: Person) -> None:
    anna.promote(LIVE, live=True)
    ben.promote(OTHER, live=True)
    assert ben.approval.waits(ben.stored)
    anna.approve()
    used = models_in_use(anna.system.s3, BUCKET, program_models())
    assert used.live
    assert used.live.version == OTHER.version


def test_who_does_not_want_a_model_promotes_the_one_in_use_again(anna: Person, ben: Person) -> None:
    anna.promote(LIVE, live=True)
    ben.approve()
    anna.promote(OTHER, live=True)
    plan = ben.promotion.plan(LIVE, live=True)
    # It is compared with itself, since what waits decides nothing.
    deciding = ben.promotion.deciding(plan)
    assert deciding is not None
    assert deciding.version == LIVE.version
    assert not ben.promotion.put(plan)
    assert not ben.approval.waits(ben.stored)


def test_nothing_says_that_promoting_refuses_the_first_live_model(anna: Person, aws: MinistackServer) -> None:
    anna.promote(LIVE, live=True)
    browser = browser_on(aws, BEN)
    browser.system.approved_models = program_models()
    said = words(browser.enter().page("/models"))
    assert f"{ANNA.user_id} has promoted or approved them" in said
    assert "promoted again" not in said


def test_who_has_named_both_may_promote_them_one_after_the_other(anna: Person, ben: Person) -> None:
    anna.promote(LIVE, live=True)
    anna.promote(OTHER, live=False)
    ben.approve()
    assert not ben.approval.waits(ben.stored)


def test_the_command_says_what_waits(
    anna: Person,
    aws: MinistackServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    command = desk_command(aws, capsys, monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_APPROVED_MODELS", program_models())
    anna.promote(LIVE, live=True)
    (tmp_path / "other.json").write_bytes(OTHER.to_json())
    ran = command("promote", tmp_path / "other.json", "--shadow", "--to", "bucket")
    assert ran.code == 1
    assert "waits for a second person, and your mark would be on it too" in " ".join(ran.err.split())


def test_a_program_is_told_which_model_is_watched(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "other.json").write_bytes(OTHER.to_json())
    ran = desk_command(aws, capsys, monkeypatch)(
        "promote", tmp_path / "other.json", "--shadow", "--to", folder, "--json"
    )
    named = f"{OTHER.version}.json"
    assert json.loads(ran.out) == {"model": OTHER.version, "live": None, "shadow": named, "waits": False}
