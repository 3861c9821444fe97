"""Looks for a text in everything that a running system has stored."""

import re

from embedded_aws.cloud import LocalCloud
from proofs.running.stored import stored


def tables(cloud: LocalCloud) -> list[str]:
    return cloud.client("dynamodb").list_tables()["TableNames"]


def places(cloud: LocalCloud, *texts: str) -> list[str]:
    """Name the places that hold one of the texts, as a word of its own."""
    wanted = re.compile("|".join(rf"(?<![\w-]){re.escape(text)}(?![\w-])" for text in texts))
    return sorted(place.name for place in stored(cloud) if wanted.search(f"{place.name}\n{place.content}"))
