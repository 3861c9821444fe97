"""`replay` and `files` on files of other people: what is looked at, what is posted, and what is always counted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudstream_tools.cli.transactions import replay
from fraudstream_tools.lab.files.transactions import read_records
from fraudstream_tools.lab.files.writing import write_rows
from tests.cli_harness import Command
from tests.unit.cli.transactions.conftest import Api

HEADER = "transactionId,amountMinor,currency,type,customerId,timestamp\n"
GOOD = "t-{0},100,EUR,PAYMENT,c-{0},1767600000000\n"
DAY = 86_400_000
SPARKOV = Path(__file__).parents[2] / "lab" / "files" / "samples" / "fraudTrain.csv"


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_check_reads_everything_and_posts_nothing(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    rows = "".join(GOOD.format(n) for n in range(300))
    (tmp_path / "day.csv").write_text(
        f"{HEADER}{rows}t-1,100,EUR,PAYMENT,c,1767600000\nt-2,1,EUX,PAYMENT,c,\n{GOOD.format(7)}"
    )
    ran = fraudstream("replay", "day.csv", "--check")
    assert ran.code == 1
    assert api.posted == []
    assert "303 rows: 301 can be posted, 2 cannot; nothing was posted" in ran.out
    assert "1 row has the transactionId of an earlier one" in ran.out
    assert "day.csv, line 302, column timestamp: milliseconds are needed, these look like seconds" in ran.err
    assert "day.csv, line 303, column currency: must be a currency code" in ran.err
    found = json.loads(fraudstream("replay", "day.csv", "--check", "--json").out)
    assert (found["rows"], found["good"], found["wrong"], found["repeated"]) == (303, 301, 2, 1)


def test_a_check_of_a_file_that_breaks_off_says_what_it_found_before(fraudstream: Command, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(f'{HEADER}{GOOD.format(1)}t-2,1,EUX,PAYMENT,c,\n"t-3,x\n')
    ran = fraudstream("replay", "day.csv", "--check")
    assert ran.code == 1
    assert "2 rows: 1 can be posted, 1 cannot" in ran.out
    assert "day.csv, line 3, column currency: must be a currency code" in ran.err
    assert "day.csv, line 4: a quote is not closed" in ran.err
    assert "the rows after it were not read" in ran.err
    assert "a quote" in json.loads(fraudstream("replay", "day.csv", "--check", "--json").out)["stopped"]


def test_a_check_of_a_file_without_a_usable_row_names_what_writes_a_map(fraudstream: Command, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(HEADER + GOOD.format(1).replace("1767600000000", "2026-01-05 08:00:00"))
    assert "`fraudstream files suggest day.csv` writes a first map" in fraudstream("replay", "day.csv", "--check").out
    (tmp_path / "old.csv").write_text(HEADER + GOOD.format(1))
    found = fraudstream("replay", "old.csv", "--check").out
    assert "1 row is more than 30 days older than today" in found
    assert "suggest" not in found


def test_rows_that_are_too_old_are_counted_before_they_are_refused(fraudstream: Command, tmp_path: Path) -> None:
    rows = [GOOD.format(n).replace("1767600000000", str(1_767_600_000_000 + n * DAY)) for n in range(50)]
    (tmp_path / "days.csv").write_text(HEADER + "".join(rows))
    ran = fraudstream("replay", "days.csv", "--check")
    assert "50 rows are more than 30 days older than today" in ran.out
    assert "setting maxPastDays is greater, or --shift-to-now moves them" in ran.out
    assert (
        "19 rows are more than 30 days older than the last one"
        in fraudstream("replay", "days.csv", "--check", "--shift-to-now").out
    )
    assert json.loads(fraudstream("replay", "days.csv", "--check", "--json").out)["tooOld"] == 50
    assert (
        "the file's first rows are more than 30 days older" in fraudstream("replay", "days.csv", "--shift-to-now").err
    )
    (tmp_path / "month.csv").write_text(HEADER + "".join(rows[:31]))
    assert "older than" not in fraudstream("replay", "month.csv", "--shift-to-now").err


def test_wrong_rows_are_counted_and_named_and_the_rest_is_posted(
    fraudstream: Command, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "day.csv").write_text(HEADER + GOOD.format(1) + "t-2,12.50,EUR,PAYMENT,c,\n" + GOOD.format(3))
    ran = fraudstream("replay", "day.csv", "--json")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert (found["accepted"], found["refused"], found["unreadable"], found["stopped"]) == (2, 0, 1, None)
    assert "day.csv, line 3, column amountMinor: is not an integer" in found["unreadableRows"][0]
    assert {body["transactionId"] for body in api.posted} == {"t-1", "t-3"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (HEADER.replace(",", ";") + "t;12,50;EUR;PAYMENT;c;\n" * 3, "none of the first 3 rows can be used"),
        (HEADER + "t,1,EUR,Kartenzahlung,c,\n" * 3, "column type: must be one of PAYMENT"),
        (HEADER + "4111111111111111,1,EUR,PAYMENT,c,\n" * 3, "column transactionId: must not hold a card number"),
        (HEADER.replace("amountMinor", "Betrag"), "there is no column amountMinor"),
        (HEADER.replace("amountMinor", "amountMinr"), "column amountMinr: did you mean amountMinor?"),
        (HEADER, "there is no row in it"),
    ],
)
def test_a_file_without_a_usable_row_is_refused_before_anything_is_posted(
    fraudstream: Command, api: Api, tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "day.csv").write_text(content)
    ran = fraudstream("replay", "day.csv")
    assert ran.code == 1
    assert complaint in ran.err
    assert "4111" not in ran.err + ran.out
    assert api.posted == []


def test_extra_columns_are_passed_over_and_said(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(f"\ufeff,{HEADER.strip()},note\n0,{GOOD.format(1).strip()},hello\n")
    ran = fraudstream("replay", "day.csv")
    assert ran.code == 0, ran.err
    assert "passed over columns that are no fields: note" in ran.err
    assert set(api.posted[0]) == set(HEADER.strip().split(","))


def test_a_file_that_breaks_off_is_counted_up_to_there(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    rows = "".join(GOOD.format(n) for n in range(150))
    (tmp_path / "day.csv").write_text(f'{HEADER}{rows}t-x,1,EUR,PAYMENT,"c\n')
    ran = fraudstream("replay", "day.csv", "--json")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert found["accepted"] == len(api.posted) == 150
    assert "day.csv, line 152: a quote is not closed" in found["stopped"]
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [([], "The same replay again is safe"), (["--shift-to-now"], "moves times by another amount")],
    ids=["as-it-is", "shifted"],
)
def test_ctrl_c_leaves_the_counts(api: Api, tmp_path: Path, options: list[str], told: str) -> None:
    post = api.post

    def slow(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(0.01)
        return post(body)

    api.post = slow
    (tmp_path / "day.csv").write_text(HEADER + "".join(GOOD.format(n) for n in range(20_000)))
    environment = os.environ | {"FRAUDSTREAM_API": api.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    # Where SIGINT is ignored from the start, as some runners of tests start it, so is it by what they start.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code = f"{start} from fraudstream_tools.cli.main import main; main({['replay', 'day.csv', '--json', *options]})"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while len(api.posted) < 40 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    found = json.loads(out)
    assert 0 < found["accepted"] < 20_000
    assert "stopped by Ctrl-C" in found["stopped"]
    assert told in found["stopped"]
    assert b"Traceback" not in err


def test_a_shifted_replay_again_is_told_from_a_safe_one(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(f"{HEADER.strip()},label\n{GOOD.format(1).strip()},FRAUD\n")
    assert "it replaces" not in fraudstream("replay", "day.csv", "--shift-to-now").err

    def refuse(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 409, {"status": 409, "title": "Conflict", "detail": f"another has the id of {len(body)} fields"}

    api.post = refuse
    ran = fraudstream("replay", "day.csv", "--shift-to-now")
    assert "it replaces the file of an earlier replay" in ran.err
    assert "409: another transaction with this id is stored" in ran.err
    assert "an --id-suffix that none before it had posts them as new" in ran.err


def test_a_mapped_file_is_posted_without_what_is_personal(fraudstream: Command, api: Api, tmp_path: Path) -> None:
    (tmp_path / "fraudTrain.csv").write_bytes(SPARKOV.read_bytes())
    ran = fraudstream("replay", "fraudTrain.csv", "--map", "sparkov", "--shift-to-now", "--id-suffix", ".2")
    assert ran.code == 0, ran.err
    assert len(api.posted) == 3
    assert "2223000048400011" not in json.dumps(api.posted)
    assert "label" not in api.posted[0]
    truth = list(read_records(tmp_path / "fraudTrain.shifted.truth.csv"))
    assert {row["transactionId"] for row in truth} == {body["transactionId"] for body in api.posted}
    assert {row.get("fraud") for row in truth} == {"True", "False"}, "a week later nobody has said so yet"


def test_labels_are_moved_as_their_transactions_are(fraudstream: Command, tmp_path: Path) -> None:
    start = 1_700_000_000_000
    rows = [
        {
            "transactionId": f"t-{n}",
            "amountMinor": 1,
            "currency": "EUR",
            "type": "PAYMENT",
            "customerId": "c",
            "timestamp": start + n * DAY,
            "accountOpenedAt": start - DAY,
        }
        for n in range(10)
    ]
    truth = [
        {
            "transactionId": f"t-{n}",
            "fraud": True,
            "label": "FRAUD",
            "source": "analyst",
            "labeledAt": start + (n + 3) * DAY,
        }
        for n in range(10)
    ]
    write_rows(tmp_path / "world.jsonl", rows)
    write_rows(tmp_path / "world.truth.jsonl", truth)
    before = int(time.time() * 1000)
    ran = fraudstream("replay", "world.jsonl", "--shift-to-now")
    assert ran.code == 0, ran.err
    assert "world.shifted.truth.jsonl; left out, since nobody would know them yet: 3\n" in ran.err
    moved = list(read_records(tmp_path / "world.shifted.truth.jsonl"))
    assert len(moved) == 10
    known = [row for row in moved if "label" in row]
    assert [row["transactionId"] for row in known] == [f"t-{n}" for n in range(7)]
    ahead = {row["labeledAt"] - (start + (n + 3) * DAY) for n, row in enumerate(known)}
    assert len(ahead) == 1
    assert abs(ahead.pop() - (before - start - 9 * DAY)) < 60_000
    assert all(row["fraud"] is True for row in moved)


def test_a_first_map_is_written_and_never_over_another(fraudstream: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;date;amount;currency;customer\n1;23.04.2026;12,50;EUR;c\n")
    ran = fraudstream("files", "suggest", "a.csv", "--output", "a.yaml")
    assert ran.code == 0, ran.err
    assert "look at type: no column seems to have it" in ran.err
    assert fraudstream("replay", "a.csv", "--map", "a.yaml", "--check").code == 0
    assert "is there already" in fraudstream("files", "suggest", "a.csv", "--output", "a.yaml").err
    assert "fields:" in fraudstream("files", "suggest", "a.csv").out


def test_a_known_layout_is_named(fraudstream: Command) -> None:
    assert "--map sparkov is enough" in fraudstream("files", "suggest", SPARKOV).err


def test_shipped_maps_are_listed_and_printed(fraudstream: Command) -> None:
    assert "paysim" in fraudstream("files", "maps").out
    assert "nameOrig" in fraudstream("files", "maps", "paysim").out
    assert "there is no map called nothing" in fraudstream("files", "maps", "nothing").err
    assert "there is no map called nothing" in fraudstream("replay", "a.csv", "--map", "nothing").err


def test_a_shifted_replay_without_an_api_leaves_the_truth_of_an_earlier_one(
    fraudstream: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day.csv").write_text(HEADER.replace("\n", ",label\n") + GOOD.format(1).replace("\n", ",FRAUD\n"))
    truth = tmp_path / "day.shifted.truth.csv"
    truth.write_text("of an earlier replay")
    monkeypatch.delenv("FRAUDSTREAM_API")
    ran = fraudstream("replay", "day.csv", "--shift-to-now")
    assert ran.code == 1
    assert truth.read_text() == "of an earlier replay"
    assert "labels, moved" not in ran.err


def test_a_fault_during_a_replay_loses_no_counts(
    fraudstream: Command,
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "day.csv").write_text(HEADER + "".join(GOOD.format(n) for n in range(3)))

    def transactions(outgoing: replay.Outgoing) -> Iterator[dict[str, Any]]:
        for row in outgoing.file.rows():
            yield row.values
        raise LookupError("a fault of the program")

    monkeypatch.setattr(replay.Outgoing, "transactions", transactions)
    with pytest.raises(LookupError):
        fraudstream("replay", "day.csv", "--json")
    assert len(api.posted) == 3
    assert json.loads(capsys.readouterr().out)["accepted"] == 3
