"""Entries of lists whose entity gets another token: what counts goes on to count, where lists need two people too.

Marks of people are found by a digest with the token in it. So they are copied before the entries move; the earlier ones
stay, since a function may have read the entries before they moved, and a table may be restored from before.
"""

from typing import TYPE_CHECKING

import msgspec

from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks, mark_prefix
from fraudstream.detection.stores.lists.list_approvals import ListApprovals
from fraudstream.detection.stores.lists.listings import DamagedListingError, Listing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from fraudstream.transactions.storage.attributes import Item


def copy_marks(s3: "S3Client", bucket: str, item: "Item", moved: "Item") -> None:
    """Copy the marks of a listed entity's entries to the same entries under another key; run again, it adds what lacks.

    Args:
        s3: asks S3.
        bucket: where marks are.
        item: the entity as it is stored.
        moved: the same under its other key.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    try:
        listing, entity = Listing.from_item(item), Listing.from_item(moved).entity
    except DamagedListingError:
        # Nothing in it counts.
        return
    marks = ChangeMarks(s3, bucket, FourEyes.LISTS)
    for name, newest in listing.entries.items():
        for entry in (newest, newest.before):
            if entry is None:
                continue
            old, new = entry.digest(listing.entity, name), entry.digest(entity, name)
            people = marks.people(old)
            for person in set(people).difference(marks.people(new) if people else ()):
                s3.copy_object(
                    Bucket=bucket,
                    Key=f"{mark_prefix(FourEyes.LISTS, new)}{person}",
                    CopySource={"Bucket": bucket, "Key": f"{mark_prefix(FourEyes.LISTS, old)}{person}"},
                )


def put_together(s3: "S3Client", bucket: str, item: "Item", there: "Item") -> "Item":
    """Return one item of an entity that was listed by two tokens: the newest one's entries, and the others beside them.

    Where the newest one's entry waits for a second person, the other one goes on to count until then.

    Args:
        s3: asks S3.
        bucket: where marks are.
        item: as it is stored by the earlier token.
        there: as it is stored by the newest.

    Raises:
        DamagedListingError: one of them cannot be read.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    earlier, newest = Listing.from_item(item), Listing.from_item(there)
    approvals = ListApprovals(s3, bucket)
    entries = {**earlier.entries, **newest.entries}
    for name in earlier.entries.keys() & newest.entries.keys():
        entry = newest.entries[name]
        if approvals.counting(newest.entity, name, entry) is None:
            counting = approvals.counting(earlier.entity, name, earlier.entries[name])
            if counting is not None:
                before = msgspec.structs.replace(counting, before=None)
                entries[name] = msgspec.structs.replace(entry, before=before, approved_by=None)
    both = Listing(
        entity=newest.entity,
        entries=entries,
        changed_at=max(earlier.changed_at, newest.changed_at),
        version=newest.version + 1,
    )
    # What has no end must not keep the one that was stored; what a newer version adds stays.
    return {name: value for name, value in there.items() if name != "expiresAt"} | both.to_item()
