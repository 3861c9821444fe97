"""The tables, and who may do what with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pulumi
import pulumi_aws as aws

from fraudstream.contract import (
    ALERT_ENTITY_INDEX,
    ALERT_STATUS_INDEX,
    CUSTOMER_INDEX,
    LISTED_INDEX,
    LISTED_KIND,
    NETWORK_REFERENCE_INDEX,
    SAMPLE_DAY,
    SAMPLE_INDEX,
)
from infra.compute.roles import ServiceRole, Statement
from infra.data.keys import Keys
from infra.naming import StackContext

AttributeType = Literal["S", "N", "B"]
StreamView = Literal["NEW_IMAGE", "NEW_AND_OLD_IMAGES"]


@dataclass(frozen=True, kw_only=True)
class IndexSpec:
    """A global secondary index; items without its keys are not in it."""

    name: str
    hash_key: str
    range_key: str
    projection: Literal["ALL", "KEYS_ONLY"] = "ALL"


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """What is particular to a table."""

    purpose: str
    attributes: Mapping[str, AttributeType]
    """The key attributes, of the indexes too."""
    hash_key: str
    range_key: str | None = None
    stream: StreamView | None = None
    indexes: tuple[IndexSpec, ...] = ()
    is_seldom_read: bool = False
    """Whether storage costs more than requests: then it costs less, and each request a quarter more."""


TRANSACTIONS = TableSpec(
    purpose="transactions",
    attributes={
        "transactionId": "S",
        "timestamp": "N",
        SAMPLE_DAY: "S",
        "receivedAt": "N",
        "networkReference": "S",
    },
    hash_key="transactionId",
    range_key="timestamp",
    stream="NEW_AND_OLD_IMAGES",
    indexes=(
        IndexSpec(name=SAMPLE_INDEX, hash_key=SAMPLE_DAY, range_key="receivedAt", projection="KEYS_ONLY"),
        # One write unit for each transaction that has a reference, and none for the others.
        IndexSpec(
            name=NETWORK_REFERENCE_INDEX, hash_key="networkReference", range_key="receivedAt", projection="KEYS_ONLY"
        ),
    ),
    is_seldom_read=True,
)
INDEXED_TRANSACTIONS = replace(
    TRANSACTIONS,
    attributes={**TRANSACTIONS.attributes, "customerId": "S"},
    indexes=(
        *TRANSACTIONS.indexes,
        # Claims have no customer, and keys never change: one write unit for each transaction, and none for decisions.
        IndexSpec(name=CUSTOMER_INDEX, hash_key="customerId", range_key="receivedAt", projection="KEYS_ONLY"),
    ),
)
"""By customer, too."""
PROFILES = TableSpec(
    purpose="profiles",
    attributes={"entity": "S", LISTED_KIND: "S", "changedAt": "N"},
    hash_key="entity",
    # Only items of listed entities have its keys.
    indexes=(IndexSpec(name=LISTED_INDEX, hash_key=LISTED_KIND, range_key="changedAt"),),
)
ALERTS = TableSpec(
    purpose="alerts",
    attributes={"transactionId": "S", "statusShard": "S", "entity": "S", "createdAt": "N"},
    hash_key="transactionId",
    stream="NEW_IMAGE",
    indexes=(
        IndexSpec(name=ALERT_STATUS_INDEX, hash_key="statusShard", range_key="createdAt"),
        IndexSpec(name=ALERT_ENTITY_INDEX, hash_key="entity", range_key="createdAt"),
    ),
)
OUTBOX = TableSpec(
    purpose="outbox",
    attributes={"transactionId": "S", "eventId": "S"},
    hash_key="transactionId",
    range_key="eventId",
    stream="NEW_IMAGE",
)


class Table(pulumi.ComponentResource):
    """A table on demand, encrypted, with recovery to any second and expiry of old items; and the grants on it."""

    def __init__(
        self, place: StackContext, spec: TableSpec, keys: Keys, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the table."""
        super().__init__("fraudstream:infra:Table", place.name("component", f"table-{spec.purpose}"), None, opts)
        self._purpose = spec.purpose
        self._keys = keys
        name = place.name("table", spec.purpose)
        self._table = aws.dynamodb.Table(
            name,
            name=name,
            billing_mode="PAY_PER_REQUEST",
            table_class="STANDARD_INFREQUENT_ACCESS" if spec.is_seldom_read else "STANDARD",
            hash_key=spec.hash_key,
            range_key=spec.range_key,
            attributes=[{"name": key, "type": kind} for key, kind in spec.attributes.items()],
            global_secondary_indexes=[_index(each) for each in spec.indexes] or None,
            stream_enabled=spec.stream is not None,
            stream_view_type=spec.stream,
            ttl={"attribute_name": "expiresAt", "enabled": True},
            point_in_time_recovery={"enabled": True},
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=keys.arn),
            deletion_protection_enabled=False,
            # The provider waits until an index is filled, which takes hours on a large table; by itself one hour.
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(update="24h")),
        )
        self.name = self._table.name
        self.arn = self._table.arn
        self.stream_arn = self._table.stream_arn
        self.register_outputs({"name": self.name, "streamArn": self.stream_arn})

    def _grant(self, role: ServiceRole, what: str, actions: Sequence[str], *, write: bool) -> None:
        statement = Statement(actions=[f"dynamodb:{action}" for action in actions], resources=(self.arn,))
        key = self._keys.to_write("dynamodb") if write else self._keys.to_read("dynamodb")
        role.allow(f"{what}-{self._purpose}", statement, *key)

    def grant_add_and_find(self, role: ServiceRole) -> None:
        """Allow a role to put items, and to query them by their partition key."""
        self._grant(role, "add-and-find", ("PutItem", "Query"), write=True)

    def grant_update(self, role: ServiceRole) -> None:
        """Allow a role to read and update items by their keys."""
        self._grant(role, "update", ("GetItem", "UpdateItem"), write=True)

    def grant_sample(self, role: ServiceRole) -> None:
        """Allow a role to scan the table, and to find the marked items of a day."""
        index = pulumi.Output.concat(self.arn, f"/index/{SAMPLE_INDEX}")
        role.allow(
            f"sample-{self._purpose}",
            Statement(actions=("dynamodb:DescribeTable", "dynamodb:Scan"), resources=(self.arn,)),
            Statement(actions=("dynamodb:Query",), resources=(index,)),
            *self._keys.to_read("dynamodb"),
        )

    def grant_find_listed(self, role: ServiceRole) -> None:
        """Allow a role to find the entities that are on lists."""
        index = pulumi.Output.concat(self.arn, f"/index/{LISTED_INDEX}")
        statement = Statement(actions=("dynamodb:Query",), resources=(index,))
        role.allow(f"find-listed-{self._purpose}", statement, *self._keys.to_read("dynamodb"))

    def grant_read_many(self, role: ServiceRole, prefixes: Sequence[str]) -> None:
        """Allow a role to read many items whose partition keys begin with one of some texts."""
        role.allow(
            f"read-many-{self._purpose}",
            self._of_keys(("BatchGetItem",), beginning=prefixes),
            *self._keys.to_read("dynamodb"),
        )

    def grant_replace(self, role: ServiceRole, prefixes: Sequence[str], *, read: Sequence[str]) -> None:
        """Allow a role to replace the items whose partition keys begin with one of some texts, and to read many.

        Args:
            role: whose.
            prefixes: what the keys of items begin with that may be replaced.
            read: what those begin with that may be read.
        """
        role.allow(
            f"replace-{self._purpose}",
            self._of_keys(("BatchGetItem",), beginning=read),
            self._of_keys(("PutItem",), beginning=prefixes),
            *self._keys.to_write("dynamodb"),
        )

    def grant_one_item(self, role: ServiceRole, key: str) -> None:
        """Allow a role to read and update the one item with a partition key."""
        statement = self._if_keys("StringEquals", [key], ("GetItem", "UpdateItem"))
        role.allow(f"one-item-{self._purpose}", statement, *self._keys.to_write("dynamodb"))

    def grant_update_beginning(self, role: ServiceRole, prefix: str) -> None:
        """Allow a role to update the items whose partition key begins with a text."""
        role.allow(
            f"update-some-{self._purpose}",
            self._of_keys(("UpdateItem",), beginning=(prefix,)),
            *self._keys.to_write("dynamodb"),
        )

    def grant_put(self, role: ServiceRole) -> None:
        """Allow a role to put items of transactions."""
        role.allow(f"put-{self._purpose}", self._of_transactions(("PutItem",)), *self._keys.to_write("dynamodb"))

    def grant_open_and_close(self, role: ServiceRole) -> None:
        """Allow a role to put and update items of transactions, without reading any."""
        role.allow(
            f"open-and-close-{self._purpose}",
            self._of_transactions(("PutItem", "UpdateItem")),
            *self._keys.to_write("dynamodb"),
        )

    def _of_keys(self, names: Sequence[str], *, beginning: Sequence[str]) -> Statement:
        return self._if_keys("StringLike", [f"{prefix}*" for prefix in beginning], names)

    def _of_transactions(self, names: Sequence[str]) -> Statement:
        # Ids of transactions have no such character; the keys of all that is stored beside their items have it.
        return self._if_keys("StringNotLike", ["*#*"], names)

    def _if_keys(self, operator: str, patterns: Sequence[str], names: Sequence[str]) -> Statement:
        # It also holds for a request without a key; but all of these calls have one.
        return Statement(
            actions=[f"dynamodb:{name}" for name in names],
            resources=(self.arn,),
            conditions={f"ForAllValues:{operator}": {"dynamodb:LeadingKeys": patterns}},
        )

    def grant_read_stream(self, role: ServiceRole) -> None:
        """Allow a role to read the table's stream."""
        read = Statement(
            actions=("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            resources=(self.stream_arn,),
        )
        # AWS has no resource for this action; Lambda asks for it when a mapping is made.
        find = Statement(actions=("dynamodb:ListStreams",), resources=("*",))
        role.allow(f"stream-{self._purpose}", read, find, *self._keys.to_read("dynamodb"))


def _index(spec: IndexSpec) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=spec.name,
        key_schemas=[
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=spec.hash_key, key_type="HASH"),
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=spec.range_key, key_type="RANGE"),
        ],
        projection_type=spec.projection,
    )


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a stack."""

    transactions: Table
    profiles: Table
    alerts: Table
    outbox: Table

    def all(self) -> Sequence[Table]:
        """Return every table."""
        return (self.transactions, self.profiles, self.alerts, self.outbox)


def make_tables(place: StackContext, keys: Keys, *, customer_index: bool, opts: pulumi.ResourceOptions) -> Tables:
    """Create the tables of a stack; transactions are found by customer, too, if that is wanted."""
    return Tables(
        transactions=Table(place, INDEXED_TRANSACTIONS if customer_index else TRANSACTIONS, keys, opts),
        profiles=Table(place, PROFILES, keys, opts),
        alerts=Table(place, ALERTS, keys, opts),
        outbox=Table(place, OUTBOX, keys, opts),
    )


def table_arns(place: StackContext) -> list[pulumi.Output[str]]:
    """Return the ARNs that the tables and their indexes have or will have."""
    tables = [place.name("table", spec.purpose) for spec in (TRANSACTIONS, PROFILES, ALERTS, OUTBOX)]
    arns = [place.arn("dynamodb", f"table/{name}") for name in tables]
    return [*arns, *(pulumi.Output.concat(arn, "/index/*") for arn in arns)]
