"""Entries of lists whose entity gets another token: what counts goes on to count, where lists need two people too.

Marks of people are found by a digest with the token in it. So they are copied before the entries move; the earlier ones
stay, since a function may have read the entries before they moved, and a table may be restored from before.
"""

from typing import TYPE_CHECKING

from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks, mark_prefix
from fraudstream.detection.stores.lists.listings import DamagedListingError, Listing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from fraudstream.transactions.storage.attributes import Item


def copy_marks(s3: "S3Client", bucket: str, item: "Item", moved: "Item") -> None:
    """Give the entries of a listed entity under another key the marks that they have; run again, it adds what lacks.

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
