"""What a stack exported before decides which settings it may have next."""

import pytest

from infra.guard import refuse_loss
from infra.previous import PreviousStack
from infra.settings import StackSettingsError, read_settings

STANDING = PreviousStack(
    values={
        "transactionsTable": "table-transactions-dev",
        "region": "us-east-2",
        "apiGatewayAccountRole": "manage",
        "encryptionKeyArn": "arn:aws:kms:us-east-2:123456789012:key/1",
    }
)
OF_0_1_0 = PreviousStack(values={"transactionsTable": "table-transactions-dev", "region": "us-east-2"})
NEW = PreviousStack(values={})
LOSING = (
    {"environmentSuffix": "other"},
    {"region": "eu-west-1", "allowOtherRegion": "true"},
    {"apiGatewayAccountRole": "existing"},
)


def check(previous: PreviousStack, **values: str) -> None:
    refuse_loss(previous, read_settings(values.get, "dev", values))


@pytest.mark.parametrize("values", LOSING)
def test_a_standing_stack_refuses_what_loses_data_unless_it_may_go(values: dict[str, str]) -> None:
    with pytest.raises(StackSettingsError, match=f"fraudstream:{next(iter(values))} is"):
        check(STANDING, **values)
    check(STANDING, **values, allowDestructiveChanges="true")
    check(NEW, **values)


def test_a_key_is_never_switched_off() -> None:
    for consent in ("false", "true"):
        with pytest.raises(StackSettingsError, match="customerManagedKey is false"):
            check(STANDING, customerManagedKey="false", allowDestructiveChanges=consent)
    check(NEW, customerManagedKey="false")


def test_a_trail_that_was_recorded_is_not_deleted_unless_it_may_go() -> None:
    recorded = PreviousStack(values={**STANDING.values, "auditBucket": "bucket-audit-123456789012-dev"})
    with pytest.raises(StackSettingsError, match="auditTrail is false"):
        check(recorded)
    check(recorded, allowDestructiveChanges="true")
    check(recorded, auditTrail="true")
    check(STANDING)


@pytest.mark.parametrize("consent", ["false", "true"])
def test_token_numbers_only_grow(consent: str) -> None:
    rotated = PreviousStack(values={**STANDING.values, "tokenKeys": "3", "tokenNumber": "2"})
    check(rotated, tokenKeys="3", tokenNumber="2")
    check(rotated, tokenKeys="4", tokenNumber="4")
    with pytest.raises(StackSettingsError, match="tokenKeys is 2, and this stack stands with 3"):
        check(rotated, tokenKeys="2", tokenNumber="2", allowDestructiveChanges=consent)
    with pytest.raises(StackSettingsError, match="tokenNumber is 1, and this stack stands with 2"):
        check(rotated, tokenKeys="3", allowDestructiveChanges=consent)


def test_one_run_names_every_setting_that_would_lose_data() -> None:
    with pytest.raises(StackSettingsError) as refused:
        check(STANDING, environmentSuffix="other", apiGatewayAccountRole="existing", customerManagedKey="false")
    assert len(str(refused.value).splitlines()) == 3


def test_a_stack_of_the_first_version_is_known_by_its_tables_and_region() -> None:
    check(OF_0_1_0)
    with pytest.raises(StackSettingsError, match="environmentSuffix is 'other', and this stack stands with 'dev'"):
        check(OF_0_1_0, environmentSuffix="other")
