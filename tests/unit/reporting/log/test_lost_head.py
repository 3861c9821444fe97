"""The table with the newest link of the log's chain is lost: the chain goes on, and its hours stay vouched for."""

import json
from datetime import timedelta

from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.verification.against_chain import LogProblem
from tests.unit.reporting.decision_log_harness import PREFIX, put
from tests.unit.reporting.log.chain_harness import START, System, of_day


def lose_head(system: System) -> None:
    system.head.link = None
    # No function of before runs any more.
    system.chain = system.chain_at(START - timedelta(hours=3))


def test_a_lost_head_is_named_until_the_next_link_is_added(system: System) -> None:
    lose_head(system)
    found = system.verify()
    assert [(each.problem, each.what) for each in found.findings] == [(LogProblem.LINK_MISSING, "5")]
    assert (found.links, found.hours) == (4, 3)
    system.log(of_day(1, 2, 3, 5))
    assert system.report().reconciliation.stored == 4
    found = system.verify()
    assert (found.links, found.hours, found.findings) == (5, 4, ())


def test_links_of_before_are_never_written_over(system: System) -> None:
    before = {path: path.read_bytes() for path in system.root.glob(f"{PREFIX}chain/*/*.json")}
    lose_head(system)
    assert system.chain.append(LinkKind.MERGED, "2026-11-22T05", b"note").number == len(before) + 1
    assert {path: path.read_bytes() for path in before} == before


def test_links_that_somebody_invented_are_not_gone_on_from(system: System) -> None:
    newest = max(system.root.glob(f"{PREFIX}chain/*/*.json"))
    forged = json.loads(newest.read_text()) | {"number": 9, "sealedSince": "2027-01-01T00"}
    newest.with_name("0000000009.json").write_text(json.dumps(forged))
    newest.with_name("0000000010.json").write_bytes(newest.read_bytes())
    lose_head(system)
    link = system.chain.append(LinkKind.MERGED, "2026-11-22T05", b"note")
    assert (link.number, link.previous) == (5, json.loads(newest.read_text())["mac"])


def test_segments_without_a_seal_are_set_aside_although_the_head_is_lost(system: System) -> None:
    lose_head(system)
    put(cut(of_day(6).records, PREFIX).segments, system.root)
    report = system.report()
    assert (report.reconciliation.stored, len(report.log_hours.damaged)) == (3, 1)
