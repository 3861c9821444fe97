"""`fraudstream report --log`: a day's report made of a folder."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fraudstream.reporting.log.segments import cut
from tests.cli_harness import Command
from tests.unit.reporting.decision_log_harness import PREFIX, Stream, put, transaction


def test_a_report_is_made_of_a_folder_without_any_deployment(fraudstream: Command, tmp_path: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    stream = Stream()
    for number in range(3):
        stream.store_and_decide(transaction(number, at=int(yesterday.timestamp() * 1000)))
    put(cut(stream.records, PREFIX).segments, tmp_path)

    ran = fraudstream("report", "--log", PREFIX, "--format", "json", "--output", "-")
    report = json.loads(ran.out)
    assert (ran.code, report["date"]) == (0, yesterday.date().isoformat())
    assert report["reconciliation"]["decided"] == 3
    again = fraudstream("report", "--log", PREFIX, "--format", "json", "--output", "-")
    assert again.out == ran.out
    assert fraudstream("report", "--log", PREFIX).out == f"report-{yesterday.date()}.html\n"


def test_the_files_name_says_what_is_written_into_it(fraudstream: Command, tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    put(cut(stream.records, PREFIX).segments, tmp_path)
    made = ("report", "--log", PREFIX, "--date", "2026-11-22", "--output")
    for name, begins in (("day.json", "{"), ("day.CSV", "table,"), ("day.html", "<!doctype"), ("day", "<!doctype")):
        assert fraudstream(*made, name).code == 0
        assert Path(name).read_text().startswith(begins), Path(name).read_text()[:40]
    assert fraudstream(*made, "day.json", "--format", "csv").code == 0
    assert not Path("day.json").read_text().startswith("{")
    ran = fraudstream(*made, "day.xlsx")
    assert (ran.code, "a report is html, json or csv" in ran.err) == (1, True)
    assert fraudstream(*made, "day.txt", "--format", "csv").code == 0


def test_a_day_that_a_log_has_nothing_of_is_no_quiet_one(fraudstream: Command, tmp_path: Path) -> None:
    stream = Stream()
    for number, day in enumerate((22, 24)):
        at = int(datetime(2026, 11, day, 12, tzinfo=UTC).timestamp() * 1000)
        stream.store_and_decide(transaction(number, at=at))
    put(cut(stream.records, PREFIX).segments, tmp_path)
    told = {
        "2026-11-21": "the log has nothing of 2026-11-21: it begins on 2026-11-22",
        "2026-11-25": "the log has nothing of 2026-11-25: it ends on 2026-11-24",
    }
    for day, said in told.items():
        ran = fraudstream("report", "--log", PREFIX, "--date", day)
        assert ran.code == 1
        assert said in ran.err
    assert not list(tmp_path.rglob("report*"))
    ran = [fraudstream("report", "--log", PREFIX, "--date", f"2026-11-{day}") for day in (22, 23, 24)]
    assert [each.code for each in ran] == [0, 0, 0]
    assert "A quiet day" in Path("report-2026-11-23.html").read_text()
    # A copy without the day looks the same.
    said = "the report calls it a quiet day, which is wrong if the day was not copied"
    assert [each.err for each in ran] == ["", f"decision-log: the log has nothing of 2026-11-23: {said}\n", ""]


def test_a_log_without_anything_in_it_has_no_report(fraudstream: Command) -> None:
    Path("log/segments").mkdir(parents=True)
    ran = fraudstream("report", "--log", "log")
    assert ran.code == 1
    assert "log: the log has nothing of" in ran.err
    assert "it is empty" in ran.err


def test_a_folder_that_is_no_decision_log_is_refused(fraudstream: Command, tmp_path: Path) -> None:
    ran = fraudstream("report", "--log", tmp_path)
    assert ran.code == 1
    assert "it has neither segments/ nor tallies/" in " ".join(ran.err.split())
