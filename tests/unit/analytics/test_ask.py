"""`fraudstream ask`: what may be asked, and how the answer is shown."""

import io
import json
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.answers import LogAnswer, QuestionError, as_of, places_for_values
from fraudstream_tools.analytics.local_log import ask_folder, open_tables
from fraudstream_tools.cli.support.shown import answer_chart
from fraudstream_tools.cli.support.shown.answer_page import bars
from fraudstream_tools.cli.support.terminal.output import SafeConsole
from infra.data.analytics import TABLES
from tests.cli_harness import Command, clean_environment
from tests.unit.analytics.log_harness import days, happened

BY_DAY = 'SELECT "date", count(*) AS decided, avg(score) AS score FROM decisions GROUP BY "date" ORDER BY "date"'


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Command(capsys)


def test_an_answer_is_printed_as_a_table_and_says_if_there_is_more(fraudstream: Command, log: Path) -> None:
    ran = fraudstream("ask", BY_DAY, "--log", log, "--limit", 3)
    assert ran.code == 0
    assert [str(day) in ran.out for day in days()[:4]] == [True, True, True, False]
    assert "first 3 rows: --limit shows more" in ran.out
    assert "--limit" not in fraudstream("ask", BY_DAY, "--log", log).out


def test_no_value_of_an_answer_is_cut_or_broken(
    fraudstream: Command, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    sql = (
        "SELECT transactionId, amountMinor, customerId, cardToken, merchantId, rulesetVersion, decidedAt FROM decisions"
    )
    asked = ("ask", sql, "--log", log, "--limit", 2)
    rows = [[str(value) for value in row] for row in json.loads(fraudstream(*asked, "--json").out)["rows"]]
    printed = fraudstream(*asked).out.splitlines()
    assert all(value in line for row, line in zip(rows, printed[1:], strict=False) for value in row)
    assert len(rows) == 2


def test_an_answer_is_json_for_programs(fraudstream: Command, log: Path) -> None:
    answer = json.loads(fraudstream("ask", BY_DAY, "--log", log, "--json").out)
    assert answer["columns"] == ["date", "decided", "score"]
    assert [row[0] for row in answer["rows"]] == [str(day) for day in days()]
    assert sum(row[1] for row in answer["rows"]) == len(happened())
    assert answer["hasMore"] is False


def test_values_that_json_does_not_know_are_written_plainly(fraudstream: Command, log: Path) -> None:
    sql = "SELECT DATE '2026-01-05', sum(transactions), 'nan'::DOUBLE, [1.5, NULL], NULL, true FROM tallies"
    (row,) = json.loads(fraudstream("ask", sql, "--log", log, "--json").out)["rows"]
    assert row[0] == "2026-01-05"
    assert isinstance(row[1], int)
    assert row[2:] == [None, [1.5, None], None, True]


def test_a_column_is_drawn_in_the_terminal(fraudstream: Command, log: Path) -> None:
    few = fraudstream("ask", f"{BY_DAY} LIMIT 4", "--log", log, "--chart", "decided").out
    assert all(str(day) in few for day in days()[:4])
    assert "█" in few
    assert "\x1b" not in few
    many = fraudstream("ask", BY_DAY, "--log", log, "--chart", "decided").out
    assert str(days()[0]) in many
    assert str(days()[1]) not in many


def test_what_is_no_column_of_numbers_cannot_be_drawn(fraudstream: Command, log: Path) -> None:
    ran = fraudstream("ask", BY_DAY, "--log", log, "--chart", "date")
    assert ran.code == 1
    assert "columns of numbers are decided, score" in ran.err


def test_an_html_file_has_the_rows_the_chart_and_the_question(fraudstream: Command, log: Path) -> None:
    sql = "SELECT '<b>' AS name, 2 AS n UNION ALL SELECT 'minus', -1"
    ran = fraudstream("ask", sql, "--log", log, "--html", "out/answer.html", "--chart", "n")
    assert ran.out == "out/answer.html: 2 rows\n"
    page = Path("out/answer.html").read_text()
    assert "<b>" not in page
    assert page.count("&lt;b&gt;") >= 3
    assert page.count('<rect class="accent"') == 2
    assert "UNION ALL" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_bars_begin_at_zero_on_either_side() -> None:
    answer = LogAnswer(columns=["name", "n"], rows=[("a", 3), ("b", -1), ("c", None), ("d", 0)], has_more=False)
    assert [(bar.name, bar.start, bar.length) for bar in bars(answer, "n")] == [
        ("a", 0.25, 0.75), ("b", 0.0, 0.25), ("d", 0.25, 0.0)
    ]  # fmt: skip


def test_a_question_may_be_a_file_about_another_day(fraudstream: Command, log: Path) -> None:
    Path("day.sql").write_text(
        "-- current_date stays here, and so does 'current_date'\n"
        "SELECT 'current_date' AS word, count(*) AS n FROM decisions WHERE \"date\" = cast(current_date AS varchar)"
    )
    answer = json.loads(fraudstream("ask", "@day.sql", "--log", log, "--today", days()[3], "--json").out)
    assert answer["rows"] == [["current_date", sum(each.day == days()[3] for each in happened())]]
    assert as_of("CURRENT_DATE", days()[0]) == f"DATE '{days()[0]}'"


def test_a_value_takes_the_place_of_a_question_mark(log: Path) -> None:
    payment = happened()[0].transaction
    answer = ask_folder(log, "SELECT count(*) FROM decisions WHERE transactionId = ?", [payment.transaction_id], 5)
    assert answer.rows == [(1,)]
    injected = ask_folder(log, "SELECT count(*) FROM decisions WHERE transactionId = ?", ["' OR true --"], 5)
    assert injected.rows == [(0,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM read_parquet('{ids}')",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "COPY (SELECT 1) TO '{inside}'",
        "SELECT 1; COPY (SELECT 1) TO '{inside}'",
        "ATTACH '{inside}'",
        "EXPORT DATABASE '{inside}'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW decisions",
        "CALL pragma_version()",
        "PRAGMA import_database('{inside}')",
        "SELECT * FROM duckdb_secrets()",
        "",
        "SELECT FROM WHERE",
    ],
)
def test_a_question_reaches_nothing_but_the_log(log: Path, tmp_path: Path, sql: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in log.rglob("*")}
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    filled = sql.format(outside=outside, inside=log / "decisions" / "new", ids=next(log.glob("ids/*/*.parquet")))
    with pytest.raises(QuestionError):
        ask_folder(log, filled, [], 10)
    assert {path: path.stat().st_mtime_ns for path in log.rglob("*")} == before
    assert [each.name for each in tmp_path.iterdir()] == ["outside.csv"]


def test_tables_have_the_columns_of_today_whatever_the_files_have(tmp_path: Path) -> None:
    file = tmp_path / "decisions/date=2026-01-05/2026-01-05T00.parquet"
    file.parent.mkdir(parents=True)
    duckdb.sql("SELECT 't-1' AS transactionId, 'APPROVE' AS decision").write_parquet(str(file))
    answer = ask_folder(tmp_path, 'SELECT transactionId, cardCount1h, "date" FROM decisions', [], 5)
    assert answer.rows == [("t-1", None, "2026-01-05")]
    for table in TABLES:
        assert ask_folder(tmp_path, f"FROM {table} LIMIT 0", [], 5).rows == []


def test_days_that_are_not_chosen_are_not_read(log: Path) -> None:
    files = sorted(log.glob("decisions/*/*.parquet"))
    with duckdb.connect() as connection:
        open_tables(connection, log, {LogTable.DECISIONS: files})
        plan = connection.execute(f"EXPLAIN FROM decisions WHERE \"date\" = '{days()[5]}'").fetchall()
    assert f"Scanning Files: 1/{len(files)}" in str(plan)


def test_today_is_that_of_utc_in_whatever_zone_it_is_asked(log: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Pacific/Kiritimati'")  # as it is where the machine's clock is there
        open_tables(connection, log, {})
        assert connection.execute("SELECT cast(current_timestamp AS VARCHAR) LIKE '%+00'").fetchone() == (True,)


def test_a_log_whose_hours_are_not_merged_yet_says_how_to_ask_it(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="copy some with `fraudstream log pull"):
        ask_folder(tmp_path, "SELECT 1", [], 10)
    segment = tmp_path / "segments" / "date=2026-11-29" / "hour=12" / "s.jsonl.gz"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"")
    with pytest.raises(QuestionError, match=r"`fraudstream report --log .* --date DAY` merges those of a day"):
        ask_folder(tmp_path, "SELECT 1", [], 10)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "decisions/date=2026-01-05/2026-01-05T00.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no Parquet at all")
    with pytest.raises(QuestionError, match="2026-01-05T00"):
        ask_folder(tmp_path, "SELECT * FROM decisions", [], 5)


def test_a_time_with_a_zone_says_what_to_do(log: Path) -> None:
    with pytest.raises(QuestionError, match="cast it"):
        ask_folder(log, "SELECT now() FROM decisions", [], 5)


def test_a_folder_is_nothing_for_athena(fraudstream: Command, log: Path) -> None:
    ran = fraudstream("ask", "SELECT 1", "--engine", "athena", "--log", log)
    assert (ran.code, ran.out) == (1, "")
    assert "--log is for a folder" in ran.err


def test_question_marks_without_values_are_named(fraudstream: Command, log: Path, tmp_path: Path) -> None:
    (tmp_path / "two.sql").write_text("-- what?\nSELECT count(*) FROM decisions WHERE decision = ? AND score > ?\n")
    ran = fraudstream("ask", "@two.sql", "--log", log)
    assert (ran.code, ran.out) == (1, "")
    assert "this question needs a --value for each question mark in it: 2" in ran.err
    assert "and 1 is given" in fraudstream("ask", "@two.sql", "--log", log, "--value", "REVIEW").err
    assert fraudstream("ask", "@two.sql", "--log", log, "--value", "REVIEW", "--value", "1").code == 0


def test_a_question_mark_in_a_text_or_comment_is_none() -> None:
    assert places_for_values("""SELECT '?', "a?" /* ? */ -- ?\nFROM t WHERE a = ?""") == 1


def test_an_apostrophe_in_a_comment_hides_no_day() -> None:
    for comment in ("/* yesterday's\nfrauds: current_date */", "-- yesterday's frauds: current_date\n"):
        asked = comment + "SELECT current_date FROM decisions WHERE decision = 'APPROVE'"  # noqa: S608  (nobody is asked)
        assert as_of(asked, date(2026, 11, 23)) == asked.replace("SELECT current_date", "SELECT DATE '2026-11-23'")


def test_a_chart_is_drawn_of_what_is_finite(fraudstream: Command, log: Path) -> None:
    asked = "SELECT 'a' AS day, 'b' AS n, CAST('{}' AS DOUBLE) AS n UNION ALL SELECT 'c', 'd', {}"
    drawn = fraudstream("ask", asked.format("inf", 2), "--log", log, "--chart", "n")
    assert (drawn.code, drawn.err) == (0, "")
    assert "c d" in drawn.out
    none = fraudstream("ask", asked.format("inf", "NULL"), "--log", log, "--chart", "n")
    assert "there is no finite number to draw" in none.out


def test_on_a_terminal_a_chart_has_its_own_colours_and_none_of_a_names(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(answer_chart, "out", SafeConsole(file=written, force_terminal=True, color_system="256"))
    rows = [("one\x1b[2J\x1b[31m", 1), ("two\nlines", 2)]
    answer_chart.print_chart(LogAnswer(columns=["name", "n"], rows=rows, has_more=False), "n")
    drawn = written.getvalue()
    assert "\x1b[" in drawn
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert "\x1b" not in plain
    assert "\\x1b[0m" not in plain, "the chart's colours are spelled out"
    assert "one\\x1b[2J\\x1b[31m" in plain
    assert "two lines" in plain
