"""Erasing a person: every store, in an order in which an interrupted erasure is simply run again.

First marks are left, so that what a stream still tells of the person is neither learnt nor logged; what was being
written then has come in when the tables are read. The transactions go last: they say what is to be found elsewhere.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import CLAIM_TIMESTAMP, DECISION_LOG_PREFIX, QUERY_RESULTS_PREFIX, REPORT_PREFIX, EntityKind
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.changes.edits import LogEdit
from fraudstream.reporting.log.changes.rewriting import LogRewriter, Rewritten
from fraudstream.reporting.log.erasure_marks import ELSEWHERE
from fraudstream.reporting.log.hours.roll_up import MERGE_SECONDS
from fraudstream.reporting.log.keys import LogTable, parse_hour, table_prefix
from fraudstream.reporting.log.segments import day_prefix, hour_prefix
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.privacy.audit_records import find_records, redact_record
from fraudstream_tools.operations.privacy.bucket_objects import (
    find_other_objects,
    find_reports,
    redact_report,
)
from fraudstream_tools.operations.privacy.erasure.marks import erasure_begun_at, mark_in_log, mark_profile
from fraudstream_tools.operations.privacy.erasure.old_versions import remove_old_versions
from fraudstream_tools.operations.privacy.erasure.person import OthersItem, PersonItems, find_items
from fraudstream_tools.operations.privacy.erasure.receipt import ErasureReceipt, new_receipt_id, remainders
from fraudstream_tools.operations.privacy.holds import LegalHoldError, find_hold
from fraudstream_tools.operations.privacy.system import OnStep, PrivacySystem, TokenStore, says_nothing
from fraudstream_tools.operations.privacy.unfinished_changes import UnfinishedChanges

SETTLE_SECONDS: Final = MERGE_SECONDS
"""By then, what was being written has been written: the API gives up after seconds, the functions answer within seconds
of their last look at the marks, and whoever merges an hour of the log has done so."""
_LOG_PASSES: Final = 3
_REDACTED_AT_ONCE: Final = 100
"""Reports or records that are written down as being changed; own choice."""


class StillThereError(RuntimeError):
    """Something of the person came back while it was erased: the same command finds it when it is run again."""


class Person(NamedTuple):
    """Who is erased, by whom."""

    tokens: frozenset[str]
    """All that the person has: one of each number."""
    by: str
    """The ARN of the AWS identity that does it."""


@dataclass
class Erasure:
    """The erasure of one person; made once, and run once."""

    system: PrivacySystem
    person: Person
    dry_run: bool = False
    settle_seconds: float = field(default_factory=lambda: SETTLE_SECONDS)
    on_step: OnStep = says_nothing
    clock: Callable[[], int] = epoch_milliseconds
    _counts: dict[str, int] = field(default_factory=dict[str, int])
    _old_versions: int = 0
    _marked: int = 0

    def run(self) -> ErasureReceipt:
        """Erase the person, or only look for what there is; return what was done.

        Raises:
            LegalHoldError: the person must not be erased.
            OldVersionsKeptError: S3 keeps old versions.
            BusyProfileError: others wrote a profile at every attempt to mark it: run it again.
            StillThereError: something of the person came back meanwhile: run it again.
            ReportFunctionError: the report function failed.
            ClientError: AWS refused; what is done stays done, and another run goes on from there.
            BotoCoreError: AWS cannot be reached; what is done stays done, and another run goes on from there.
        """
        self._refuse_held()
        at = self.clock()
        moment = datetime.fromtimestamp(at / 1000, UTC)
        # Asked before anything is gone: what fails after the deletions leaves no receipt of them.
        remains = remainders(self.system, moment)
        if not self.dry_run:
            self._mark(at)
        items = find_items(self.system, self.person.tokens, at, self.on_step)
        # Whoever has set a hold since then is right as long as nothing is gone.
        self._refuse_held()
        store = BucketStore(self.system.s3, self.system.bucket)
        self._erase_from_log(store, items, at)
        tokens = items.entities.keys()
        reports = find_reports(store, tokens, items.own.keys(), self.on_step)
        records = find_records(store, tokens, items.own.keys(), self.on_step)
        others = find_other_objects(store, tokens, items.own.keys(), self.on_step)
        self._counts |= {
            TokenStore.TRANSACTIONS: len(items.own) + len(items.elsewhere),
            TokenStore.PROFILES: len(items.profiles) + self._marked,
            TokenStore.ALERTS: len(items.alerts) + len(items.other_cases),
            TokenStore.OUTBOX: len(items.events),
            TokenStore.REPORTS: len(reports),
            TokenStore.AUDIT: len(records.records),
            TokenStore.OTHER_OBJECTS: len(others.results),
        }
        if not self.dry_run:
            self._redact(reports, lambda folder: redact_report(store, folder, tokens, items.own.keys()))
            self._redact(records.records, lambda key: redact_record(store, key, tokens, items.own.keys()))
            for key in others.results:
                store.delete(key)
            self._forget_what_has_expired()
            self._erase_items(items, at)
        return ErasureReceipt(
            receipt_id=new_receipt_id(),
            erased_at=moment.isoformat(timespec="seconds"),
            by=self.person.by,
            dry_run=self.dry_run,
            removed=self._counts,
            old_versions=self._old_versions,
            by_hand=(*others.by_hand, *records.by_hand, *items.named_in_lists, *items.unreadable),
            remains=remains,
        )

    def _refuse_held(self) -> None:
        if hold := find_hold(self.system.dynamodb, self.system.profiles, self.person.tokens):
            raise LegalHoldError(hold, erasure_begun_at(self.system.dynamodb, self.system.profiles, self.person.tokens))

    def _mark(self, at: int) -> None:
        mark_in_log(self.system, self.person.tokens, at)
        for token in sorted(self.person.tokens):
            key = EntityKind.CUSTOMER.key(token)
            self._marked += mark_profile(self.system.dynamodb, self.system.profiles, key, key, at)
        self._wait_for_writes()

    def _wait_for_writes(self) -> None:
        if self.settle_seconds > 0:
            self.on_step(f"waiting {self.settle_seconds:g} seconds for what is being written", 0, None)
            time.sleep(self.settle_seconds)

    def _erase_from_log(self, store: BucketStore, items: PersonItems, at: int) -> None:
        if self.dry_run:
            self._change_log(store, items, at)
            return
        with self.system.turn_with_log(self._changes().names, self.on_step):
            self._change_log(store, items, at)

    def _change_log(self, store: BucketStore, items: PersonItems, at: int) -> None:
        changes = self._changes()
        rewriter = LogRewriter(
            store=store,
            log_prefix=DECISION_LOG_PREFIX,
            now=datetime.fromtimestamp(self.clock() / 1000, UTC),
            before_change=changes.add,
        )
        edit = LogEdit(
            gone=items.own.keys(),
            persons=self.person.tokens,
            until=at,
            renamed=dict.fromkeys(self.person.tokens),
            columns=ELSEWHERE,
        )
        # The log may go back further than the table does: of such days only the log itself knows who is in them.
        days = items.days | {day for day in rewriter.days() if items.oldest is None or day <= items.oldest}
        # Those of an earlier run that was broken off may be as they are to be, and neither noted nor forgotten.
        broken_off = changes.hours()
        for hour in () if self.dry_run else sorted(broken_off):
            rewriter.settle(hour, lambda _: edit)
        changed = broken_off | self._rewrite(rewriter, days, edit, sorted(broken_off))
        self._counts[TokenStore.LOG] = len(changed)
        if not self.dry_run:
            self.system.log_owner.note_changes(sorted(changed), LinkKind.ERASED)
            self._forget_log(changed, items.days | {date.fromisoformat(hour[:10]) for hour in changed})
            # An earlier run has taken the person out of these, and nothing finds what they were any more.
            for prefix in changes.prefixes():
                self._forget(prefix)
            changes.forget()

    def _changes(self) -> UnfinishedChanges:
        names = {EntityKind.CUSTOMER.key(token) for token in self.person.tokens}
        return UnfinishedChanges(self.system.dynamodb, self.system.profiles, names)

    def _redact(self, prefixes: Sequence[str], redact: Callable[[str], None]) -> None:
        """Remove the person from objects, and what these were before."""
        changes = self._changes()
        for start in range(0, len(prefixes), _REDACTED_AT_ONCE):
            part = prefixes[start : start + _REDACTED_AT_ONCE]
            changes.add_prefixes(part)
            for prefix in part:
                redact(prefix)
                self._forget(prefix)
            changes.forget()

    def _rewrite(
        self, rewriter: LogRewriter, days: AbstractSet[date], edit: LogEdit, unmerged: Sequence[str]
    ) -> set[str]:
        changed: set[str] = set()
        for number in range(_LOG_PASSES):
            if not self.dry_run:
                if number:
                    # A schedule may have begun to merge an hour of what was there before, and still be about to write.
                    self._wait_for_writes()
                self.on_step("merging what has come in", 0, None)
                self.system.log_owner.merge_open_hours(unmerged)
            outcomes = self._rewrite_once(rewriter, days, edit)
            done = {hour for hour, outcome in outcomes.items() if outcome is Rewritten.CHANGED}
            changed |= done
            unmerged = [hour for hour, outcome in outcomes.items() if outcome is Rewritten.NOT_MERGED]
            # An hour may have been merged anew meanwhile, of what was there before: so it is looked at again.
            if self.dry_run or not any(outcome is not Rewritten.UNCHANGED for outcome in outcomes.values()):
                return changed
        raise StillThereError("the log was merged again and again while it was changed: run the same again")

    def _rewrite_once(self, rewriter: LogRewriter, days: AbstractSet[date], edit: LogEdit) -> dict[str, Rewritten]:
        hours = rewriter.hours(days)
        outcomes: dict[str, Rewritten] = {}
        for number, hour in enumerate(hours, start=1):
            outcomes[hour] = rewriter.rewrite(hour, days, lambda _: edit, dry_run=self.dry_run)
            self.on_step("decision log, hours", number, len(hours))
        return outcomes

    def _forget_log(self, hours: Iterable[str], days: Iterable[date]) -> None:
        """Remove old versions of what was changed, and of what the days had before."""
        prefixes = {table_prefix(DECISION_LOG_PREFIX, table, day) for table in LogTable for day in days}
        # Segments that have expired are old versions, too.
        prefixes |= {day_prefix(DECISION_LOG_PREFIX, each) for day in days for each in (day, day + timedelta(days=1))}
        prefixes |= {hour_prefix(DECISION_LOG_PREFIX, parse_hour(hour)) for hour in hours}
        for number, prefix in enumerate(sorted(prefixes), start=1):
            self._forget(prefix)
            self.on_step("old versions", number, len(prefixes))

    def _forget_what_has_expired(self) -> None:
        """Remove old versions that no current object leads to: nobody looks into them before they go."""
        self._forget(QUERY_RESULTS_PREFIX)
        self._old_versions += remove_old_versions(self.system.s3, self.system.bucket, REPORT_PREFIX, only_of_gone=True)

    def _forget(self, prefix: str) -> None:
        self._old_versions += remove_old_versions(self.system.s3, self.system.bucket, prefix)

    def _erase_items(self, items: PersonItems, at: int) -> None:
        dynamodb = self.system.dynamodb
        for name in items.alerts:
            dynamodb.delete_item(TableName=self.system.alerts, Key=to_item({"transactionId": name}))
        for case_id in items.other_cases:
            CaseStore(dynamodb, self.system.alerts).forget(case_id, items.names)
        for key in items.events:
            dynamodb.delete_item(TableName=self.system.outbox or "", Key=key)
        own = EntityKind.CUSTOMER.key(min(self.person.tokens))
        entities = {
            each.key(token) for token, kind in items.entities.items() for each in EntityKind if each.of_tokens is kind
        }
        # The base of a divided profile goes first: its shards are written by nobody who reads it later.
        for key in sorted(items.profiles, key=lambda key: key not in entities):
            if key in entities:
                customer = key if key.startswith(EntityKind.CUSTOMER.key_prefix) else own
                mark_profile(dynamodb, self.system.profiles, key, customer, at)
            else:
                dynamodb.delete_item(TableName=self.system.profiles, Key=to_item({"entity": key}))
        total = len(items.own) + len(items.elsewhere)
        for number, item in enumerate(items.elsewhere, start=1):
            self._take_out(item)
            self.on_step("transactions", number, total)
        for number, (name, key) in enumerate(items.own.items(), start=1 + len(items.elsewhere)):
            claim = to_item({"transactionId": name, "timestamp": CLAIM_TIMESTAMP})
            dynamodb.delete_item(TableName=self.system.transactions, Key=claim)
            dynamodb.delete_item(TableName=self.system.transactions, Key=key)
            self.on_step("transactions", number, total)

    def _take_out(self, item: OthersItem) -> None:
        """Remove a person from somebody else's transaction."""
        update = "REMOVE " + ", ".join(item.attributes) if item.attributes else ""
        more: dict[str, Any] = {}
        if item.reasons:
            update += " SET reasons = :reasons"
            more = {"ExpressionAttributeValues": {":reasons": item.reasons}}
        try:
            take_out = partial(
                self.system.dynamodb.update_item,
                TableName=self.system.transactions,
                Key=item.key,
                UpdateExpression=update,
                ConditionExpression="attribute_exists(transactionId)",
                **more,
            )
            write_after_others(take_out)
        except ClientError as error:
            raise_unless_condition_failed(error)
