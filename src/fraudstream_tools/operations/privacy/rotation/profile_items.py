"""Items of the table of profiles get tokens of the newest number, in their keys and in what they remember."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import is_any_refused
from fraudstream.contract import LISTED_PREFIX
from fraudstream.detection.profiles.codec import ProfileError, pack, pack_closed, sharding_of, unpack
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.detection.rotation import renamed
from fraudstream.detection.stores.lists.listings import DamagedListingError
from fraudstream.transactions.storage.attributes import Item
from fraudstream_tools.operations.privacy.rotation.moving_lists import copy_marks, put_together
from fraudstream_tools.operations.privacy.rotation.shards import shards_put_together
from fraudstream_tools.operations.privacy.system import PrivacySystem

_ATTEMPTS: Final = 5


class ChangedByOthersError(RuntimeError):
    """Something was changed by others at every attempt, or went while it was read: run the same again."""


@dataclass(frozen=True, kw_only=True)
class ProfileItems:
    """Renews the tokens in profiles, and in the items that say which entity is on which list."""

    system: PrivacySystem
    hashes: Mapping[int, int]
    """Hashes of earlier tokens, as profiles remember them, to those of the newest."""
    by_hand: list[str]
    """Takes the keys of damaged entries of lists, which people have to look at."""
    dry_run: bool

    def rekey(self, item: Item, newest: Mapping[str, str]) -> bool:
        """Move an item to its newest key, and change what it remembers; return whether it had earlier tokens.

        Raises:
            ChangedByOthersError: others changed it at every attempt.
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        stored: Item | None = item
        for _ in range(_ATTEMPTS):
            if stored is None:
                return False
            moved = self._with_newest(stored, newest)
            if moved == stored:
                return False
            is_moving = moved["entity"] != stored["entity"]
            if self.dry_run or (not (is_moving and self._undivide(stored)) and self._replace(stored, moved)):
                return True
            stored = self._read(item["entity"]["S"])
        raise ChangedByOthersError(
            "an item of the table of profiles was changed by others again and again: run it again"
        )

    def _with_newest(self, item: Item, newest: Mapping[str, str]) -> Item:
        moved = dict(item)
        for name in ("entity", "erasedFor"):
            if name in item:
                parts = item[name]["S"].split("#")
                moved[name] = {"S": "#".join(newest.get(part, part) for part in parts)}
        if "state" in item:
            try:
                profile = unpack(item["state"]["B"])
                changed = renamed(profile, self.hashes)
            except ProfileError:
                # Damaged, or of a newer version: it moves as it is.
                return moved
            if changed != profile:
                sharding = sharding_of(item["state"]["B"])
                moved["state"] = {"B": pack_closed(changed, sharding) if sharding else pack(changed)}
        return moved

    def _undivide(self, item: Item) -> bool:
        """Move the shards of an item's profile into its base before it moves; return whether it was divided."""
        base = self._read(entity_of(item["entity"]["S"]))
        together = shards_put_together(base, self._read) if base else None
        if base is None or together is None or item["entity"]["S"] not in {base["entity"]["S"], *together.shards}:
            return False
        puts = [{"Put": {"TableName": self.system.profiles, "Item": together.whole, **_is_unchanged(base)}}]
        gone = [
            {"Delete": {"TableName": self.system.profiles, "Key": {"entity": shard["entity"]}, **_is_unchanged(shard)}}
            for shard in together.shards.values()
        ]
        self._write([*puts, *gone])
        return True

    def _replace(self, item: Item, moved: Item) -> bool:
        """Write a moved item in place of the old one, both or none; return whether that was possible."""
        table = self.system.profiles
        unchanged = _is_unchanged(item)
        if moved["entity"] == item["entity"]:
            version = int(item.get("version", {"N": "0"})["N"]) + 1
            put = {"TableName": table, "Item": moved | {"version": {"N": str(version)}}, **unchanged}
            return self._write([{"Put": put}])
        delete = {"Delete": {"TableName": table, "Key": {"entity": item["entity"]}, **unchanged}}
        is_listed = item["entity"]["S"].startswith(LISTED_PREFIX)
        if is_listed:
            # First, so that there is no moment in which what two people approved does not count.
            copy_marks(self.system.s3, self.system.bucket, item, moved)
        there = self._read(moved["entity"]["S"])
        if there is None:
            put: dict[str, Any] = {
                "TableName": table, "Item": moved, "ConditionExpression": "attribute_not_exists(entity)",
            }  # fmt: skip
            return self._write([{"Put": put}, delete])
        if is_listed:
            try:
                both = put_together(self.system.s3, self.system.bucket, item, there)
            except DamagedListingError:
                self.by_hand.append(item["entity"]["S"])
                return True
            return self._write([{"Put": {"TableName": table, "Item": both, **_is_unchanged(there)}}, delete])
        # The analyzer was first: what it carried over has gone on since.
        return self._write([delete])

    def _write(self, writes: list[Any]) -> bool:
        try:
            write_after_others(lambda: self.system.dynamodb.transact_write_items(TransactItems=writes))
        except ClientError as error:
            if not is_any_refused(error):
                raise
            return False
        return True

    def _read(self, key: str) -> Item | None:
        answer: Any = self.system.dynamodb.get_item(
            TableName=self.system.profiles, Key={"entity": {"S": key}}, ConsistentRead=True
        )
        return answer.get("Item")


def _is_unchanged(item: Item) -> dict[str, Any]:
    """Return the condition that an item is what was read."""
    if "version" not in item:
        return {"ConditionExpression": "attribute_exists(entity)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": item["version"]},
    }
