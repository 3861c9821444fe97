"""`console` where AWS has a bad time: somebody waits for each page."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fraudstream_tools.console import server
from fraudstream_tools.console.system import ConsoleSystem
from tests.cli_harness import Command, point_at
from tests.console_harness import Browser

IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/anna</Arn><UserId>AIDAANNA</UserId>"
    b"<Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class BusyAws(BaseHTTPRequestHandler):
    """AWS as it is where it knows who asks, and fails in all else."""

    failed: list[str]
    """Of each request that failed, what DynamoDB calls it, else its path."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_identity = b"GetCallerIdentity" in asked
        if not is_identity:
            self.failed.append(self.headers.get("X-Amz-Target") or self.path)
        body = IDENTITY if is_identity else b""
        self.send_response(200 if is_identity else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815  (http.server's own names)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    BusyAws.failed = []
    with ThreadingHTTPServer(("127.0.0.1", 0), BusyAws) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        names = ("transactionsTable", "alertsTable", "profilesTable", "bucketName")
        point_at(f"http://127.0.0.1:{listening.server_port}", monkeypatch, **dict.fromkeys(names, "name"))
        yield BusyAws.failed
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/lists", "/queue"])
def test_a_page_asks_three_times_at_most_where_aws_fails(
    failed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)

    def look(system: ConsoleSystem, port: int, on_ready: Callable[[str], None]) -> None:
        del port, on_ready  # a test's browser asks the application itself
        browser = Browser(system)
        browser.client.get(browser.link, follow_redirects=False)
        failed.clear()
        assert browser.client.get(path).status_code == 502

    monkeypatch.setattr(server, "serve", look)
    assert Command(capsys)("console", "--no-open").code == 0
    assert 1 <= len(failed) <= 3, failed
