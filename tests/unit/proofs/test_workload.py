"""What the clients of the experiments post, and what people say of it."""

import random

from proofs.faults.workload import Workload
from tests.ids_harness import new_id

TRANSACTIONS = 60


def workload(name: str) -> Workload:
    return Workload(random.Random(3), TRANSACTIONS, name=name, copied=0.1)


def test_what_is_posted_hangs_on_no_moment_at_which_people_label() -> None:
    name = new_id()
    undisturbed, labelled = workload(name), workload(name)
    posts = []
    for post in labelled.posts():
        posts.append(post)
        list(labelled.truths(post.received_at))
    assert posts == list(undisturbed.posts())


def test_what_is_said_of_a_transaction_hangs_on_no_other_one() -> None:
    name = new_id()
    early, late = workload(name), workload(name)
    posts, all_posts = early.posts(), list(late.posts())
    first = {next(posts).request.transaction_id for _ in range(TRANSACTIONS // 3)}
    said = {truth for truth in late.truths(1) if truth.transaction_id in first}
    assert {*early.truths(1)} == said
    assert len(all_posts) == TRANSACTIONS
    assert said
