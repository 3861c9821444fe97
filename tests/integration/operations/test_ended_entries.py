"""An entry of a list that has ended is there for a quarter, and then neither shown nor kept."""

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EntityKind
from fraudstream.detection.stores.lists.listings import ENDED_DAYS
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from tests.aws_harness import create_profiles_table

NOW, MINUTE, DAY = 1_767_600_000_000, 60_000, 86_400_000
CARD = f"tok_{'c' * 22}"


def test_an_ended_entry_goes_beside_an_endless_one_too(aws: MinistackServer) -> None:
    dynamodb = aws.client("dynamodb")
    create_profiles_table(dynamodb, "profiles")
    gone = NOW + MINUTE + ENDED_DAYS * DAY

    def lists(now: int) -> EntityLists:
        return EntityLists(dynamodb, "profiles", clock=lambda: now)

    def add(now: int, name: str, until: int | None = None) -> None:
        lists(now).add(name, EntityKind.CARD, CARD, by="me", reason="why", until=until)

    def shown(now: int) -> list[str]:
        return sorted(each.list_name for each in lists(now).show(with_ended=True).entries)

    def stored() -> list[str]:
        return sorted(lists(NOW).of_entities([f"card#{CARD}"])[f"card#{CARD}"])

    add(NOW, "trusted")
    add(NOW, "blocked", until=NOW + MINUTE)
    assert shown(gone - 1) == ["blocked", "trusted"]
    assert shown(gone) == ["trusted"]
    add(gone - 1, "watched")
    assert stored() == ["blocked", "trusted", "watched"]
    lists(gone).remove("watched", EntityKind.CARD, CARD, by="me", reason="cleared")
    assert stored() == ["trusted", "watched"]
