"""What people see of a running system: what commands print, and the pages of the console."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.cli.support.running.deployment import VARIABLES
from fraudstream_tools.console.sessions import ConsoleSession
from proofs.privacy.marks import Marks
from proofs.running.console import browser_on, console_of
from proofs.running.deployed import RunningSystem
from proofs.running.stored import Place

_PORT: Final = 4711
_PAGES: Final = ("/", "/queue", "/search", "/lists", "/rules", "/rules/history", "/models", "/reports", "/audit")


def commands(system: RunningSystem, marks: Marks, ids: Sequence[str], folder: Path) -> Iterator[Place]:
    """Yield what commands print, and the files that they leave.

    Args:
        system: what they talk to.
        marks: makes what is given to them.
        ids: of transactions to look at.
        folder: an empty one, in which they work.
    """
    today = datetime.now(UTC).date().isoformat()
    file = folder / "payments.jsonl"
    file.write_text("\n".join(map(json.dumps, _bad_rows(marks))), encoding="utf-8")
    asked: list[list[str]] = [
        *(["get", each] for each in ids),
        ["get", ids[0], "--json"],
        ["get", marks.card()],
        ["label", marks.card(), "--fraud"],
        ["alerts", "list"],
        ["alerts", "list", "--json"],
        ["cases", "list"],
        ["audit"],
        ["replay", str(file), "--id-suffix", ".x"],
        ["submit", "--amount", "9.99", "--currency", "EUR", "--set", f"deviceId={marks.card()}"],
        ["redrive", marks.card()],
        ["log", "pull", "log"],
        *(["report", "--date", today, "--format", each] for each in ("json", "html", "csv")),
    ]
    with lambda_endpoint(system.cloud.invoke, system.cloud) as url:
        environment = _environment(system, url)
        for words in asked:
            ran = subprocess.run(
                [Path(sys.executable).with_name("fraudstream"), *words],
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
            )
            yield Place("command", " ".join(words[:1]) + " ", f"{ran.stdout}\n{ran.stderr}")
    for path in sorted(folder.rglob("report-*")):
        yield Place("file", path.name, path.read_text(encoding="utf-8"))


def _bad_rows(marks: Marks) -> Iterator[dict[str, object]]:
    sound = {"amountMinor": 1, "currency": "EUR", "type": "PAYMENT", "customerId": "c-1"}
    yield {**sound, "transactionId": marks.card()}
    yield {**sound, "transactionId": "file-1", "timestamp": marks.name()}
    yield {**sound, "transactionId": "file-2", "metadata": {"who": marks.email()}}
    yield {**sound, "transactionId": "file-3", "currency": marks.street()}
    yield {**sound, "transactionId": "file-4", "customerId": marks.card()}
    yield {**sound, "transactionId": "file-5", "amountMinor": marks.street()}


def _environment(system: RunningSystem, lambda_url: str) -> Mapping[str, str]:
    cloud = system.cloud
    outputs = {VARIABLES[name]: str(value) for name, value in cloud.outputs.items() if name in VARIABLES and value}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(system.state),
        "AWS_REGION": cloud.outputs["region"],
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ENDPOINT_URL_LAMBDA": lambda_url,
        "AWS_ACCESS_KEY_ID": cloud.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": cloud.credentials.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        **outputs,
    }


def pages(system: RunningSystem, marks: Marks, ids: Sequence[str], searched: Sequence[str]) -> Iterator[Place]:
    """Yield the pages of the console.

    Args:
        system: what it shows.
        marks: makes what is typed into it.
        ids: of transactions whose cases are looked at.
        searched: tokens that are searched for.
    """
    session = ConsoleSession(port=_PORT)
    console = console_of(system.cloud, "proof")
    origin = f"http://127.0.0.1:{_PORT}"
    browser = browser_on(console, session)
    today = datetime.now(UTC).date().isoformat()
    asked: list[tuple[str, dict[str, str]]] = [
        *((path, {}) for path in _PAGES),
        *(("/case", {"id": each}) for each in ids),
        *(("/links", {"id": each}) for each in ids),
        *(("/search", {"q": each}) for each in searched),
        ("/report", {"date": today}),
        ("/case", {"id": marks.card()}),
        ("/links", {"id": marks.card()}),
        ("/search", {"q": marks.card()}),
    ]
    for path, query in asked:
        answer = browser.get(path, params=query)
        yield Place("page", path.removeprefix("/"), f"{answer.headers}\n{answer.text}")
    for typed in (marks.card(), marks.email()):
        answer = browser.post(
            "/search",
            data={"csrf": session.csrf, "q": typed},
            headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"},
        )
        yield Place("page", "search", f"{answer.headers}\n{answer.text}")
