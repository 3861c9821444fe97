"""Rules that need two people: what one has published waits until another approves it; the functions see to it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_PREFIX, FourEyes, files_digest
from fraudstream.detection.rules.ruleset import version_of
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks
from fraudstream.detection.stores.approvals.file_approvals import Approvals, NotApprovedError
from fraudstream.detection.stores.lists.list_approvals import ListApprovals
from fraudstream.detection.stores.rulesets.active import RulesetStore
from fraudstream.detection.stores.rulesets.earlier_versions import MAX_STATES
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.rulesets.history import NoSuchVersionError, RuleChange
from infra.data.program_rules import program_ruleset
from tests.console_harness import ANNA, BEN, Browser, browser_on, draft_of, put_ruleset, who_did_what, with_rule, words
from tests.integration.cli.review_harness import BUCKET, System

NAMES = ("ruleset.yaml", "rates.yaml", "lists.yaml")


@pytest.fixture
def people(aws: MinistackServer, system: System) -> tuple[Browser, Browser]:
    """Anna and Ben at consoles of a stack that asks for two."""
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    anna, ben = browser_on(aws, ANNA), browser_on(aws, BEN)
    for each in (anna, ben):
        each.system.approved_ruleset = program_ruleset()
        each.enter()
    return anna, ben


def loader(system: System, refused: list[Exception], clock: Callable[[], float] = lambda: 0.0) -> RulesetStore:
    """What a function that starts now reads rulesets with."""
    approvals = Approvals(system.s3, BUCKET, program_ruleset())
    s3 = system.s3
    return RulesetStore(
        s3,
        bucket=BUCKET,
        on_refused=refused.append,
        history=lambda: s3,
        approvals=approvals,
        clock=clock,
    )


def rules_of(system: System, refused: list[Exception] | None = None) -> set[str]:
    return {rule.id for rule in loader(system, [] if refused is None else refused).current().rules}


def publish(browser: Browser) -> str:
    page = browser.page("/rules/edit")
    fields = browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page))}
    return browser.make_active("/rules/publish", "transfers", **fields)


def test_who_publishes_what_waits_reads_what_would_count(people: tuple[Browser, Browser], browser: Browser) -> None:
    def asked(by: Browser) -> str:
        page = by.page("/rules/edit")
        fields = by.form(page, "/rules/check") | {
            "draft": with_rule(draft_of(page)).replace("mode: shadow", "mode: live")
        }
        return words(by.send("/rules/publish", **fields, reason="transfers"))

    said = asked(people[0])
    assert "It is stored then, and counts once somebody else has approved it." in said
    assert "What would count" in said
    assert "What counts at once" in asked(browser)


def stored_files(system: System) -> list[bytes]:
    return [system.s3.get_object(Bucket=BUCKET, Key=RULESET_PREFIX + name)["Body"].read() for name in NAMES]


def publish_files(browser: Browser, files: Iterable[bytes]) -> None:
    """Publish three files, as `fraudstream rules deploy` does."""
    system = browser.system
    plan = system.rulesets.plan_deployment(dict(zip(NAMES, files, strict=True)))
    system.publishing.store(RuleChange.DEPLOY, plan, "tidied")


def approve(browser: Browser) -> str:
    form = browser.form(browser.page("/rules/history"), "/rules/approve")
    return words(browser.send("/rules/approve", **form, reason="seen"))


def test_a_published_ruleset_counts_only_after_another_person_approved_it(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    refused: list[Exception] = []
    assert "waits until somebody else has approved it" in words(publish(anna))
    assert "large-night-transfer" not in rules_of(system, refused)
    assert [type(each) for each in refused] == [NotApprovedError]
    assert "large-night-transfer added" in words(ben.page("/rules/history"))
    assert "You have approved" in approve(ben)
    assert "large-night-transfer" in rules_of(system)
    assert "waits" not in words(ben.page("/rules/history"))
    assert who_did_what(ben) == [
        ("publish-rules", ANNA.user_id),
        ("approve-rules", BEN.user_id),
    ]


def test_who_does_not_want_a_waiting_ruleset_goes_back_to_the_active_one(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    before = stored_files(system)
    assert "counts once somebody else has approved it" in words(anna.page("/rules/edit"))
    publish(anna)
    page = ben.page("/rules/history")
    assert "Whoever does not want it rolls back to" in words(page)
    form = ben.form(page, "/rules/roll-back")
    assert "waits for a second person. This one takes its place" in words(
        ben.send("/rules/roll-back", **form, reason="too many")
    )
    said = words(ben.make_active("/rules/roll-back", "too many", **form))
    assert "is active again within a minute" in said
    assert "waits" not in said
    assert stored_files(system) == before


def test_nobody_approves_what_they_published(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    publish(anna)
    page = anna.page("/rules/history")
    assert "/rules/approve" not in page
    assert "Your mark is on it: somebody else has to approve it" in words(page)
    form = ben.form(ben.page("/rules/history"), "/rules/approve") | {"csrf": anna.session.csrf}
    assert "somebody else has to look at it" in words(anna.send("/rules/approve", **form, reason="mine"))
    assert "large-night-transfer" not in rules_of(system)


def test_a_running_function_keeps_its_ruleset_until_the_second_mark(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    seconds = iter(range(0, 10_000, 100))
    store = loader(system, [], lambda: float(next(seconds)))
    before = store.current().version
    publish(anna)
    assert store.current().version == before
    approve(ben)
    assert store.current().version != before


def test_what_is_approved_is_not_what_somebody_stores_afterwards(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    publish(anna)
    form = ben.form(ben.page("/rules/history"), "/rules/approve")
    changed = system.s3.get_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}ruleset.yaml")["Body"].read() + b"\n"
    system.s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}ruleset.yaml", Body=changed)
    assert "look at it again" in words(ben.send("/rules/approve", **form, reason="seen"))
    assert "large-night-transfer" not in rules_of(system)


def test_of_two_rulesets_with_one_version_the_one_that_was_seen_is_approved(
    people: tuple[Browser, Browser], system: System
) -> None:
    """A version is made of the three files in a row: where one ends and the next begins is not in it."""
    anna, ben = people
    rules, rates, lists = stored_files(system)
    others = lists.partition(b"trusted:")[0]
    mine = b"trusted: {card: [tok_AAAAAAAAAAAAAAAAAAAAAA]}\n"
    none = b"trusted: {customer: []}\n"
    seen = rules, rates + b"#" + mine + b"#", none + others
    other = rules, rates + b"#", mine + b"#" + none + others
    assert version_of(*seen) == version_of(*other)
    publish_files(anna, seen)
    form = ben.form(ben.page("/rules/history"), "/rules/approve")
    publish_files(anna, other)
    assert "look at it again" in words(ben.send("/rules/approve", **form, reason="seen"))
    assert loader(system, []).current().lists.entries()["trusted"] == frozenset()


def test_whoever_approves_sees_rates_lists_and_all_of_a_rule(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    rules, rates, lists = stored_files(system)
    changed = (
        rules.replace(b"family: velocity", b"family: refunds", 1),
        rates.replace(b"AED: 4.30", b"AED: 43000"),
        lists.partition(b"trusted:")[0] + b"trusted: {card: [tok_AAAAAAAAAAAAAAAAAAAAAA]}\n",
    )
    assert len({*changed, rules, rates, lists}) == 6
    publish_files(anna, changed)
    said = words(ben.page("/rules/history"))
    assert "rates, 2026-01-01 : AED 4.3 AED 43,000" in said
    assert "list trusted changed; card tok_AAAAAAAAAAAAAAAAAAAAAA" in said
    assert "family: velocity refunds" in said


def test_a_ruleset_that_waits_is_displaced_by_nobody_who_has_not_seen_it(people: tuple[Browser, Browser]) -> None:
    anna, ben = people
    page = ben.page("/rules/edit")
    publish(anna)
    draft = draft_of(page) + "# ben\n"
    said = words(ben.send("/rules/publish", **ben.form(page, "/rules/check") | {"draft": draft}, reason="mine"))
    assert "somebody else has stored another ruleset since you began" in said
    page = ben.page("/rules/edit")
    fields = ben.form(page, "/rules/check") | {"draft": draft_of(page) + "# ben\n"}
    asked = words(ben.send("/rules/publish", **fields, reason="mine"))
    assert "waits for a second person. This one takes its place" in asked


def test_a_ruleset_that_was_displaced_while_it_waited_has_to_be_deployed_again(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, _ = people
    first, *others = stored_files(system)
    publish_files(anna, (first + b"# first\n", *others))
    publish_files(anna, (first + b"# second\n", *others))
    newest, displaced, *_ = anna.system.rulesets.history()
    assert (newest.waits, displaced.waits) == (True, False)
    with pytest.raises(NoSuchVersionError, match="until another ruleset was stored: deploy it again"):
        anna.system.rulesets.plan_rollback(displaced.version)


def test_going_back_to_what_two_have_approved_counts_at_once_and_is_told_so(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    publish(anna)
    approve(ben)
    page = ben.page("/rules/history")
    earlier = ben.form(page, "/rules/roll-back")
    asked = ben.send("/rules/roll-back", **earlier, reason="too many")
    assert "It counts within a minute then" in words(asked)
    assert "active again within a minute" in words(
        ben.send("/rules/roll-back", **ben.form(asked, "/rules/roll-back"), reason="too many")
    )
    assert "large-night-transfer" not in rules_of(system)


def test_a_mark_below_somebody_elses_name_is_none(people: tuple[Browser, Browser], system: System) -> None:
    """The policy's pattern ends with the person's own id, and lets more parts stand before it."""
    anna, _ = people
    publish(anna)
    digest = files_digest(*stored_files(system))
    put = partial(system.s3.put_object, Bucket=BUCKET, Body=b"{}")
    put(Key=f"approvals/rules/{digest}/{BEN.user_id}/{ANNA.user_id}")
    put(Key=f"approvals/rules/{digest}/")
    assert ChangeMarks(system.s3, BUCKET, FourEyes.RULES).people(digest) == (ANNA.user_id,)
    assert "large-night-transfer" not in rules_of(system)


def test_two_roles_of_one_person_are_one_person(
    people: tuple[Browser, Browser], aws: MinistackServer, system: System
) -> None:
    """A sign-in portal gives the sessions of a person one name, in whatever role: see `person_of`."""
    anna, ben = people
    as_analyst, as_lead, carla = (
        browser_on(aws, Operator(user_id=f"{role}:{name}", arn=f"arn:aws:sts::1:assumed-role/{role}/{name}"))
        for role, name in (("AROAONE", "anna@example.com"), ("AROATWO", "Anna@example.com"), ("AROATWO", "carla"))
    )
    for each in (as_analyst, as_lead, carla):
        each.system.approved_ruleset = program_ruleset()
        each.enter()
    publish(as_analyst)
    page = as_lead.page("/rules/history")
    assert "Your mark is on it: somebody else has to approve it" in words(page)
    form = ben.form(ben.page("/rules/history"), "/rules/approve") | {"csrf": as_lead.session.csrf}
    assert "somebody else has to look at it" in words(as_lead.send("/rules/approve", **form, reason="mine"))
    as_lead.system.approver(FourEyes.RULES).mark(files_digest(*stored_files(system)))
    assert "large-night-transfer" not in rules_of(system)
    assert "waits" in words(anna.page("/rules/history"))
    assert "You have approved" in approve(carla)
    assert "large-night-transfer" in rules_of(system)


def test_no_entry_of_a_list_counts_by_two_roles_of_one_person(system: System) -> None:
    put = partial(system.s3.put_object, Bucket=BUCKET, Body=b"")
    for person in ("AROAONE:anna", "AROATWO:anna"):
        put(Key=f"approvals/lists/digest/{person}")
    assert not ListApprovals(system.s3, BUCKET).is_approved("digest")
    put(Key=f"approvals/lists/digest/{BEN.user_id}")
    assert ListApprovals(system.s3, BUCKET).is_approved("digest")


def test_objects_that_are_no_marks_hide_none(system: System) -> None:
    put = partial(system.s3.put_object, Bucket=BUCKET, Body=b"")
    for person in (ANNA, BEN):
        put(Key=f"approvals/rules/digest/{person.user_id}")
    with ThreadPoolExecutor(8) as pool:
        # A page of S3 has a thousand.
        list(pool.map(lambda n: put(Key=f"approvals/rules/digest/!{n:04}/{BEN.user_id}"), range(1000)))
    assert ChangeMarks(system.s3, BUCKET, FourEyes.RULES).people("digest") == (ANNA.user_id, BEN.user_id)


def test_however_many_wait_a_function_that_starts_finds_the_last_approved_one(
    people: tuple[Browser, Browser], system: System
) -> None:
    """One person may store as many as they like, and so may a pipeline that deploys every change."""
    anna, ben = people
    publish(anna)
    approve(ben)
    rules = stored_files(system)[0]
    for number in range(MAX_STATES + 1):
        system.s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}ruleset.yaml", Body=rules + b"# %d\n" % number)
    assert "large-night-transfer" in rules_of(system)


def test_a_function_that_has_nothing_approved_says_so(system: System) -> None:
    put_ruleset(system)
    key = f"{RULESET_PREFIX}lists.yaml"
    system.s3.put_object(
        Bucket=BUCKET, Key=key, Body=system.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() + b"# mine\n"
    )
    store = RulesetStore(
        system.s3,
        bucket=BUCKET,
        on_refused=lambda _: None,
        approvals=Approvals(system.s3, BUCKET, "none"),
    )
    with pytest.raises(NotApprovedError, match="rules approve"):
        store.current()


def test_where_one_person_is_enough_nobody_approves(browser: Browser) -> None:
    fields = {"digest": "0" * 64, "reason": "seen"}
    assert "asks for no second person" in words(browser.send("/rules/approve", **fields))
