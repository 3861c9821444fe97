"""Every command, really run, where what it needs is missing, gone, refused, expired, or cannot be written."""

import gzip
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.main import get_command

from fraudstream_tools.cli.main import app
from fraudstream_tools.cli.support.running.deployment import LOCAL_OUTPUTS
from tests.cli_harness import Command, Ran, clean_environment, command_paths

RULES, MODELS = Path("rules").resolve(), Path("models").resolve()
MISSING_FILE = [
    "cost --tx-per-day 1000 --prices missing.json",
    "submit @missing.json",
    "replay missing.csv",
    "replay missing.csv --check",
    "replay day.csv --map missing.yaml",
    "backtest --rules rules --data missing.csv",
    "backtest --rules missing --data day.csv",
    "backtest --rules rules --data day.csv --truth missing.csv",
    "backtest --rules rules --data day.csv --map missing.yaml",
    "backtest --rules rules --data day.csv --models missing",
    "evaluate missing.csv",
    "thresholds --log missing --review-budget 40",
    "evaluate day.csv --truth missing.csv",
    "evaluate day.csv --map missing.yaml",
    "evaluate day.csv --rules missing",
    "train --data missing.csv -o model.json",
    "train --log missing -o model.json",
    "train --data day.csv --truth missing.csv -o model.json",
    "train --data day.csv --rules missing -o model.json",
    "promote missing.json --shadow",
    "promote model.json --to . --log missing",
    "label --file missing.csv",
    "labels import missing.csv",
    "label --file day.csv --map missing.yaml",
    "redrive --report missing.json",
    "redrive --log missing",
    "redrive --file missing.txt",
    "report --log missing",
    "files suggest missing.csv",
    "rules check missing",
    "rules check missing/ruleset.yaml",
    "rules explain card-velocity --rules missing",
    "rules sql card-velocity --rules missing",
    "rules explain card-velocity --rules rules --transaction missing.json",
    "rules test --rules missing",
    "rules deploy missing --yes --reason tried",
    "ask @missing.sql",
    "ask SELECT --log missing",
]
DAMAGED_FILE = [
    "cost --tx-per-day 1000 --prices damaged.json",
    "submit @damaged.json",
    *(f"replay damaged{ending} --check" for ending in (".csv", ".jsonl", ".jsonl.gz", ".csv.gz", ".parquet")),
    "replay damaged.parquet",
    "replay day.csv --map damaged.yaml",
    "backtest --rules damaged --data day.csv",
    *(f"backtest --rules rules --data damaged{ending}" for ending in (".csv", ".jsonl.gz", ".parquet")),
    "backtest --rules rules --data damaged",
    "backtest --rules rules --data day.csv --models damaged",
    "backtest --rules rules --data day.csv --truth damaged.parquet",
    *(f"evaluate damaged{ending}" for ending in (".csv", ".jsonl.gz", ".parquet")),
    "evaluate day.csv --truth damaged.parquet",
    "thresholds --log damaged --review-budget 40",
    "train --data damaged.parquet -o model2.json",
    "train --data damaged.csv.gz -o model2.json",
    "train --log damaged -o model2.json",
    "train --data day.csv --rules damaged -o model2.json",
    "promote damaged.json --shadow",
    "promote model.json --to . --log damaged",
    "promote model.json --shadow --to damaged",
    *(f"label --file damaged{ending}" for ending in (".csv", ".jsonl.gz", ".parquet")),
    *(f"labels import damaged{ending}" for ending in (".csv", ".jsonl.gz", ".parquet")),
    "redrive --report damaged.json",
    "redrive --log damaged",
    "redrive --file damaged.csv",
    *(f"files suggest damaged{ending}" for ending in (".jsonl", ".jsonl.gz", ".parquet")),
    "rules check damaged",
    "rules explain card-velocity --rules damaged",
    "rules sql card-velocity --rules damaged",
    "rules explain card-velocity --rules rules --transaction damaged.json",
    "rules explain card-velocity --rules rules --transaction damaged.parquet",
    "rules test --rules damaged",
    "preflight --stack damaged",
    "ask @damaged.parquet",
    "ask SELECT --log damaged",
]
"""Each of them names a file, or a folder of files, of random bytes."""
UNWRITABLE = [
    "simulate --customers 40 --days 1 --output blocked/day.csv",
    "simulate --customers 40 --days 1 --output folder.csv",
    "backtest --rules rules --against rules --data day.csv --changes blocked/changes.csv",
    "train --data day.csv -o blocked/model.json",
    "promote model.json --shadow --to blocked",
    "report --log log --date 2026-01-05 -o blocked/report.html",
    "openapi -o blocked/openapi.json",
    "files suggest day.csv -o blocked/map.yaml",
    "ask SELECT --html blocked/answer.html",
    "thresholds --log log --review-budget 40 --picture blocked/curve.svg",
    "replay blocked/day.csv --shift-to-now",
    "demo",
    "local",
]
ON_DEPLOYMENT = [
    "submit --amount 1",
    "get t-1",
    "replay day.csv",
    "label t-1 --fraud",
    "labels set t-1 --fraud",
    "labels action t-1 BLOCKED",
    "labels show t-1",
    "labels waiting",
    "labels approve 5f0c2a9be1d47c38 --reason tried",
    "labels import labels.csv",
    "label --file labels.csv",
    "redrive t-1",
    "redrive --file ids.txt",
    "report --date 2026-01-05",
    "promote model.json --shadow --to bucket",
    "rules deploy rules --yes --reason tried",
    "rules history",
    "rules rollback --yes --reason tried",
    f"rules approve {'3f9c' * 16} --reason tried",
    "models show",
    f"models approve {'3f9c' * 16} --reason tried",
    "breaker show",
    "breaker reset --reason tried",
    "lists show",
    "lists add blocked card card-1 --reason tried",
    "lists waiting",
    "lists approve 5f0c2a9be1d47c38 --reason tried",
    "lists remove blocked card tok_0123456789abcdefABCDEF --reason tried",
    "alerts list",
    "alerts list --sort amount",
    "alerts show t-1",
    "alerts close t-1 --fraud",
    "console --no-open",
    "audit",
    "events list t-1",
    "events resend t-1",
    "events resend --since 2h --yes",
    "search customer-81",
    "search tok_0123456789abcdefABCDEF --as card",
    "cases list",
    "cases show t-1",
    *(f"cases {name} t-1" for name in ("take", "give-back", "wake")),
    *(
        f"cases {name} t-1 --note tried"
        for name in ("note", "reopen", "decide --fraud", "snooze --for 4h", "hand-over --to ben")
    ),
    "log pull log-copy",
    "ask SELECT --engine athena",
    "backtest --rules rules --engine athena --since 2026-01-05 --until 2026-01-06",
    "log verify",
    "log rebuild --date 2026-01-05",
    "restore table restored",
    "restore objects reports/ --at 2026-01-05T00:00:00Z",
    "profiles rebuild",
    "erase --customer customer-81 --yes",
    "erase --customer tok_0123456789abcdefABCDEF --yes",
    "hold --customer tok_0123456789abcdefABCDEF --reason tried",
    "tokens rotate",
    "tokens rekey --yes",
]
ON_ACCOUNT = {"preflight": "not checked", "leftovers": "could not be looked at"}
NEEDS_NOTHING = ["files maps", "sizing"]
OUTPUTS = dict.fromkeys(("apiUrl", "endpointUrl", "lambdaUrl"), "http://127.0.0.1:1/v1") | {
    "region": "us-east-2",
    "transactionsTable": "table-transactions-local",
    "alertsTable": "table-alerts-local",
    "profilesTable": "table-profiles-local",
    "outboxTable": "table-outbox-local",
    "analyticsDatabase": "database_decision_log_local",
    "analyticsWorkgroup": "workgroup-decision-log-local",
    "bucketName": "bucket-local",
    "reportFunction": "lambda-report-generator-local",
    "analyzerFunction": "lambda-fraud-analyzer-local",
    "processorFunction": "lambda-transaction-processor-local",
    "tokenKeys": "2",
    "tokenNumber": "1",
    "tokenKey": "A" * 44,
    "placeholders": "unknown",
    "accessKeyId": "AKIDLOCAL",
    "secretAccessKey": "local",
}
VARIABLES = {
    "FRAUDSTREAM_TRANSACTIONS_TABLE": "table-transactions-dev",
    "FRAUDSTREAM_ALERTS_TABLE": "table-alerts-dev",
    "FRAUDSTREAM_PROFILES_TABLE": "table-profiles-dev",
    "FRAUDSTREAM_OUTBOX_TABLE": "table-outbox-dev",
    "FRAUDSTREAM_ANALYTICS_DATABASE": "database_decision_log_dev",
    "FRAUDSTREAM_ANALYTICS_WORKGROUP": "workgroup-decision-log-dev",
    "FRAUDSTREAM_BUCKET": "bucket-dev",
    "FRAUDSTREAM_REPORT_FUNCTION": "lambda-report-generator-dev",
    "FRAUDSTREAM_ANALYZER_FUNCTION": "lambda-fraud-analyzer-dev",
    "FRAUDSTREAM_PROCESSOR_FUNCTION": "lambda-transaction-processor-dev",
    "FRAUDSTREAM_TOKEN_KEYS": "2",
    "FRAUDSTREAM_TOKEN_NUMBER": "1",
}


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command in a folder with good files, a file in place of a folder, and what looks like a checkout."""
    clean_environment(monkeypatch)
    # No Pulumi program is asked what the stack's outputs are, and nothing is tried again.
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(RULES, "rules")
    shutil.copy(next(MODELS.glob("*.json")), "model.json")
    header = "transactionId,timestamp,amountMinor,currency,type,customerId\n"
    Path("day.csv").write_text(f"{header}t-1,1767600000000,100,EUR,PAYMENT,c-1\n")
    Path("labels.csv").write_text("transactionId,label,source,labeledAt\nt-1,FRAUD,analyst,2026-01-06T00:00:00Z\n")
    Path("ids.txt").write_text("t-1\n")
    Path("log/segments/date=2026-01-05").mkdir(parents=True)
    Path("folder.csv").mkdir()
    Path("blocked").write_text("a file where a folder is wanted\n")
    return Command(capsys)


def ended_in_a_sentence(ran: Ran, *said: str) -> bool:
    assert ran.code == 1, ran
    assert "Traceback" not in ran.out + ran.err
    assert ran.err.count("error: ") == 1, ran.err
    for each in said:
        assert each in ran.err, ran.err
    return True


def test_every_command_is_among_those_that_are_tried_here() -> None:
    tried = {" ".join(path) for path in command_paths(get_command(app))}
    listed = [*MISSING_FILE, *UNWRITABLE, *ON_DEPLOYMENT, *ON_ACCOUNT, *NEEDS_NOTHING]
    assert {each for each in tried if not any(f"{one} ".startswith(f"{each} ") for one in listed)} == set()


@pytest.mark.parametrize("arguments", MISSING_FILE)
def test_a_file_that_is_not_there_is_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    on_aws(monkeypatch, "http://127.0.0.1:1")
    assert ended_in_a_sentence(fraudstream(*arguments.split()), "missing")


@pytest.mark.parametrize("arguments", DAMAGED_FILE)
def test_a_file_that_cannot_be_read_is_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    on_aws(monkeypatch, "http://127.0.0.1:1")
    checkout(monkeypatch)
    noise = bytes(random.Random(7).choices(range(256), k=4000))
    in_folder = ("ruleset.yaml", "rates.yaml", "lists.yaml", "models.yaml", "a.parquet", "segments/b.jsonl.gz")
    names = [f"damaged{ending}" for ending in (".json", ".jsonl", ".csv", ".parquet", ".yaml")]
    for name in (*names, "Pulumi.damaged.yaml", *(f"damaged/{each}" for each in in_folder)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(noise)
    for name in ("damaged.jsonl.gz", "damaged.csv.gz"):
        # Broken off in the middle, as a copy may be.
        Path(name).write_bytes(gzip.compress(Path("day.csv").read_bytes() * 1000)[:-40])
    assert ended_in_a_sentence(fraudstream(*arguments.split()), "damaged")


@pytest.mark.parametrize("arguments", UNWRITABLE)
def test_an_output_that_cannot_be_written_is_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    checkout(monkeypatch)
    Path(".local").write_text("a file where a folder is wanted\n")
    ran = fraudstream(*arguments.split())
    assert ended_in_a_sentence(ran)
    assert any(each in ran.err for each in ("blocked", "folder.csv", ".local")), ran.err


@pytest.mark.parametrize("arguments", ON_DEPLOYMENT)
def test_a_local_system_that_is_gone_is_named(fraudstream: Command, arguments: str) -> None:
    LOCAL_OUTPUTS.parent.mkdir()
    LOCAL_OUTPUTS.write_text(json.dumps(OUTPUTS))
    assert ended_in_a_sentence(fraudstream(*arguments.split()), "fraudstream local")


@pytest.mark.parametrize("left", ["[]", "{", '{"apiUrl": 7}', "\xff"])
@pytest.mark.parametrize("arguments", ON_DEPLOYMENT)
def test_outputs_of_a_local_system_that_are_none_are_named(fraudstream: Command, arguments: str, left: str) -> None:
    LOCAL_OUTPUTS.parent.mkdir()
    LOCAL_OUTPUTS.write_bytes(left.encode("latin-1"))
    assert ended_in_a_sentence(fraudstream(*arguments.split()), "outputs.json", "fraudstream local")


@pytest.mark.parametrize("arguments", ON_DEPLOYMENT)
def test_a_connection_that_is_refused_is_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    on_aws(monkeypatch, "http://127.0.0.1:1")
    ran = fraudstream(*arguments.split())
    assert ended_in_a_sentence(ran, "127.0.0.1:1")


@pytest.mark.parametrize("name", ["FRAUDSTREAM_TOKEN_KEYS", "FRAUDSTREAM_TOKEN_NUMBER"])
@pytest.mark.parametrize("told", [None, "two"])
def test_keys_of_tokens_that_nothing_tells_of_are_not_guessed(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, name: str, told: str | None
) -> None:
    on_aws(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.delenv(name)
    if told:
        monkeypatch.setenv(name, told)
    assert ended_in_a_sentence(fraudstream("tokens", "rotate"), name)


def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the present folder look like a checkout, with a program that nobody can import."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    Path("Pulumi.yaml").touch()
    Path("infra").mkdir()
    Path("infra/program.py").write_text("raise AssertionError")


def on_aws(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FRAUDSTREAM_API", f"{url}/v1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)


class ExpiredAws(BaseHTTPRequestHandler):
    """AWS, as it answers whoever has an expired session: each protocol in its own words."""

    said = "The security token included in the request is expired"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        xml = f"<Error><Code>ExpiredToken</Code><Message>{self.said}</Message></Error>"
        if "X-Amz-Target" in self.headers:
            error = {"__type": "com.amazon.coral.service#ExpiredTokenException", "message": self.said}
            self.answer(400, json.dumps(error))
        elif self.path.startswith(("/v1/", "/2015-03-31/")):
            self.answer(403, json.dumps({"message": self.said}), {"x-amzn-ErrorType": "ExpiredTokenException"})
        elif self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            self.answer(403, f"<ErrorResponse>{xml}</ErrorResponse>")
        else:
            self.answer(400, xml)

    do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815  (http.server's own names)

    def answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def expired_aws() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ExpiredAws) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("arguments", ON_DEPLOYMENT)
def test_credentials_that_have_expired_are_named(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, expired_aws: str, arguments: str
) -> None:
    on_aws(monkeypatch, expired_aws)
    assert ended_in_a_sentence(fraudstream(*arguments.split()), "expired", "aws sso login")


@pytest.mark.parametrize("why", ["refused", "expired"])
@pytest.mark.parametrize("command", ON_ACCOUNT)
def test_what_looks_at_an_account_says_what_it_could_not_ask(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, expired_aws: str, command: str, why: str
) -> None:
    checkout(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", expired_aws if why == "expired" else "http://127.0.0.1:1")
    ran = fraudstream(command)
    assert ran.code == 1
    assert "Traceback" not in ran.out + ran.err
    said = ran.out + ran.err
    assert ON_ACCOUNT[command] in said
    assert ("expired" if why == "expired" else "127.0.0.1:1") in said


def test_without_credentials_nothing_of_an_account_is_looked_for(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout(monkeypatch)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ran = fraudstream("leftovers")
    assert ended_in_a_sentence(ran, "credentials", "aws sso login")
    assert ran.err.count("\n") == 1


GOES_ON = "again to go on"
WAITING = {
    **dict.fromkeys(["get t-1", "submit --amount 1", "replay day.csv", "label --file labels.csv", "alerts list"], ""),
    "log pull copy": GOES_ON,
    "restore table restored": GOES_ON,
    "restore objects reports/ --at 2026-01-05T00:00:00Z": GOES_ON,
    "profiles rebuild": GOES_ON,
    "tokens rekey --yes": "the same again goes on",
    "redrive t-1": "the same again goes on",
}
"""Commands, and what they say of how they go on."""


@pytest.mark.parametrize(("arguments", "advice"), WAITING.items())
def test_ctrl_c_ends_a_command_that_waits_with_130(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch, arguments: str, advice: str
) -> None:
    assert fraudstream
    code, err = stopped(monkeypatch, arguments, signal.SIGINT)
    assert code == 130, err
    assert "stopped by Ctrl-C" in err
    assert advice in err
    assert "Traceback" not in err


def test_sigterm_ends_a_command_with_what_it_says_on_ctrl_c(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fraudstream
    arguments, advice = next((each, said) for each, said in WAITING.items() if said)
    code, err = stopped(monkeypatch, arguments, signal.SIGTERM)
    assert code == 143, err
    assert "stopped by SIGTERM" in err
    assert advice in err
    assert "Traceback" not in err


def stopped(monkeypatch: pytest.MonkeyPatch, arguments: str, by: signal.Signals) -> tuple[int, str]:
    """Have a signal end a command that waits for AWS, and return its exit code and what it said."""
    # Where SIGINT is ignored from the start, as some runners of tests start it, so is it by what they start.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code = f"{start} from fraudstream_tools.cli.main import main; main({arguments.split()})"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        on_aws(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        silent.settimeout(60)
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            connection, _ = silent.accept()
            process.send_signal(by)
            try:
                _, err = process.communicate(timeout=2)
            except subprocess.TimeoutExpired:
                # What is under way is waited for: it ends now.
                connection.close()
                _, err = process.communicate(timeout=60)
            connection.close()
    return process.returncode, err.decode()
