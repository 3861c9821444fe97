"""All that is stored gets tokens of the newest number; interrupted, it is simply run again.

Profiles first: what they remember by hashes of tokens can be found again only while transactions have these tokens.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import is_condition_failure
from fraudstream.aws.errors import error_code
from fraudstream.contract import AUDIT_PREFIX, DECISION_LOG_PREFIX, ItemKind
from fraudstream.detection.profiles.events import peer_hash
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter, Rewritten
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.storage.reason_tokens import renamed_reasons
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.privacy.audit_records import rename_in_record
from fraudstream_tools.operations.privacy.bucket_objects import find_named_tokens, rename_in_report
from fraudstream_tools.operations.privacy.rotation.item_tokens import IDENTIFIERS, token_of, tokens_in
from fraudstream_tools.operations.privacy.rotation.profile_items import ChangedByOthersError, ProfileItems
from fraudstream_tools.operations.privacy.system import OnStep, PrivacySystem, TokenStore, says_nothing
from fraudstream_tools.operations.privacy.unfinished_changes import UnfinishedChanges
from fraudstream_tools.operations.recovery.table_scan import scan

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from fraudstream_tools.operations.privacy.tokens import NewestTokens


@dataclass
class Rekeyed:
    """What came of it."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    """Store to the number of its items, hours of the log, or reports that had tokens of earlier numbers."""
    by_hand: list[str] = field(default_factory=list[str])
    """Keys of objects with such tokens that people keep, such as lists.yaml, and of damaged entries of lists."""


@dataclass
class Rekeying:
    """Renews the tokens in everything that is stored."""

    system: PrivacySystem
    tokens: "NewestTokens"
    dry_run: bool = False
    on_step: OnStep = says_nothing
    _result: Rekeyed = field(default_factory=Rekeyed)
    _hashes: dict[int, int] = field(default_factory=dict[int, int])
    """Hashes of earlier tokens, as profiles remember them, to those of the newest; about 100 bytes for each token."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Rekeyed:
        """Write the newest tokens in place of stored ones, or only count what has earlier ones; return the counts.

        Raises:
            ChangedByOthersError: others changed an item at every attempt, or took away what was to be read.
            TokensRefusedError: the processor gives no tokens.
            ReportFunctionError: the report function failed.
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        try:
            return self._rekey_all()
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            raise ChangedByOthersError(
                "an object of the bucket went while it was read, as where another `fraudstream tokens rekey` runs: "
                "wait until no other runs, then run the same again, which goes on"
            ) from None

    def _rekey_all(self) -> Rekeyed:
        self._result.counts = {store.value: 0 for store in TokenStore}
        system = self.system
        self._pass("looking for tokens", system.transactions, self._learn_hashes)
        profiles = ProfileItems(system=system, hashes=self._hashes, by_hand=self._result.by_hand, dry_run=self.dry_run)
        self._pass(TokenStore.PROFILES, system.profiles, profiles.rekey)
        self._pass(TokenStore.TRANSACTIONS, system.transactions, self._rekey_transaction)
        self._pass(TokenStore.ALERTS, system.alerts, self._rekey_alert)
        if system.outbox is not None:
            self._pass(TokenStore.OUTBOX, system.outbox, self._rekey_event)
        self._rekey_log()
        self._rekey_objects()
        return self._result

    def _pass(self, step: str, table: str, rekey: Callable[[Item, Mapping[str, str]], bool]) -> None:
        done = 0

        def on_page(_: int, page: list[Item]) -> None:
            nonlocal done
            with self._lock:
                newest = self.tokens.of({token for item in page for token in tokens_in(item)})
                # All at once; each is asked for again below, and known by then.
                self.tokens.of_hashes(item["payloadHash"]["S"] for item in page if "payloadHash" in item)
            changed = sum(rekey(item, newest) for item in page)
            with self._lock:
                done += len(page)
                if step in self._result.counts:
                    self._result.counts[step] += changed
                self.on_step(step, done, None)

        scan(self.system.dynamodb, table, on_page)

    def _learn_hashes(self, item: Item, newest: Mapping[str, str]) -> bool:
        for name in IDENTIFIERS:
            if (token := item.get(name, {}).get("S")) in newest:
                self._hashes[peer_hash(token)] = peer_hash(newest[token])
        return False

    def _rekey_transaction(self, item: Item, newest: Mapping[str, str]) -> bool:
        changes: dict[str, Any] = {}
        if item.get("kind") == {"S": ItemKind.CLAIM.value}:
            stored = item["payloadHash"]["S"]
            with self._lock:
                (new,) = self.tokens.of_hashes([stored]).values()
            if new != stored:
                changes = {"payloadHash": {"S": new}}
        else:
            changes = {name: {"S": newest[item[name]["S"]]} for name in IDENTIFIERS if token_of(item, name) in newest}
            if reasons := renamed_reasons(item, newest):
                changes["reasons"] = reasons
        keys = ("transactionId", "timestamp")
        return self._change(self.system.transactions, item, {name: item[name] for name in keys}, changes)

    def _rekey_alert(self, item: Item, newest: Mapping[str, str]) -> bool:
        # Of alerts `customer#` and the token, of cases `case#customer#` and the token.
        kind, _, token = item.get("entity", {}).get("S", "").rpartition("#")
        changes = {"entity": {"S": f"{kind}#{newest[token]}"}} if token in newest else {}
        return self._change(self.system.alerts, item, {"transactionId": item["transactionId"]}, changes)

    def _rekey_event(self, item: Item, newest: Mapping[str, str]) -> bool:
        token = item.get("customerId", {}).get("S", "")
        key = {name: item[name] for name in ("transactionId", "eventId")}
        changes = {"customerId": {"S": newest[token]}} if token in newest else {}
        return self._change(self.system.outbox or "", item, key, changes)

    def _change(self, table: str, item: Item, key: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
        """Set attributes that are still what they were; who changed them meanwhile is met by the next run."""
        if not changes or self.dry_run:
            return bool(changes)
        try:
            update = partial(
                self.system.dynamodb.update_item,
                TableName=table,
                Key=dict(key),
                ConditionExpression=" AND ".join(f"#{name} = :old_{name}" for name in changes),
                **change_of(changes, compared={f":old_{name}": item[name] for name in changes}),
            )
            write_after_others(update)
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return False
        return True

    def _rekey_log(self) -> None:
        changes = UnfinishedChanges(self.system.dynamodb, self.system.profiles, ("tokens",))
        store = BucketStore(self.system.s3, self.system.bucket)
        rewriter = LogRewriter(
            store=store, log_prefix=DECISION_LOG_PREFIX, now=datetime.now(UTC), before_change=changes.add
        )
        if self.dry_run:
            self._change_log(rewriter, changes)
            return
        with self.system.turn_with_log(changes.names, self.on_step):
            broken_off = sorted(changes.hours())
            for hour in broken_off:
                rewriter.settle(hour, self._edit)
            self.on_step("merging what has come in", 0, None)
            self.system.log_owner.merge_open_hours(broken_off)
            self._change_log(rewriter, changes)

    def _change_log(self, rewriter: LogRewriter, changes: UnfinishedChanges) -> None:
        hours = rewriter.hours(rewriter.days())
        changed = changes.hours()
        if not self.dry_run:
            self._note(changes, sorted(changed))
        if unmerged := self._rekey_hours(rewriter, changes, hours, changed):
            self.system.log_owner.merge_open_hours(unmerged)
            # What comes in meanwhile is met by the next run.
            self._rekey_hours(rewriter, changes, unmerged, changed)
        self._result.counts[TokenStore.LOG] = len(changed)

    def _rekey_hours(
        self, rewriter: LogRewriter, changes: UnfinishedChanges, hours: Sequence[str], changed: set[str]
    ) -> list[str]:
        """Rewrite hours of the log, add those to `changed` that were, and return those that have to be merged first."""
        unmerged: list[str] = []
        for number, hour in enumerate(hours, start=1):
            outcome = rewriter.rewrite(hour, None, self._edit, dry_run=self.dry_run)
            if outcome is Rewritten.CHANGED:
                changed.add(hour)
                if not self.dry_run:
                    self._note(changes, [hour])
            elif outcome is Rewritten.NOT_MERGED:
                unmerged.append(hour)
            self.on_step(TokenStore.LOG, number, len(hours))
        return unmerged

    def _note(self, changes: UnfinishedChanges, hours: Sequence[str]) -> None:
        self.system.log_owner.note_changes(hours, LinkKind.REKEYED)
        changes.forget()

    def _edit(self, tokens: "AbstractSet[str]") -> LogEdit:
        return LogEdit(renamed=self.tokens.of(tokens))

    def _rekey_objects(self) -> None:
        store = BucketStore(self.system.s3, self.system.bucket)
        reports, others = find_named_tokens(store, self.on_step)
        folders = {folder: newest for folder, tokens in reports.items() if (newest := self.tokens.of(tokens))}
        for folder, newest in () if self.dry_run else folders.items():
            rename_in_report(store, folder, newest)
        self._result.counts[TokenStore.REPORTS] = len(folders)
        stale = {key: newest for key, tokens in others.items() if (newest := self.tokens.of(tokens))}
        records = {key: newest for key, newest in stale.items() if key.startswith(AUDIT_PREFIX)}
        for key, newest in () if self.dry_run else records.items():
            rename_in_record(store, key, newest)
        self._result.counts[TokenStore.AUDIT] = len(records)
        self._result.by_hand += [key for key in stale if key not in records]
