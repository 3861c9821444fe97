"""Who gets in, and what no page from elsewhere can do."""

import re

import pytest
from starlette.routing import Route

from embedded_aws.ministack.server import MinistackServer
from tests.console_harness import ORIGIN, PORT, Browser, browser_on
from tests.integration.cli.review_harness import System

FORM = {"Origin": ORIGIN}
PAGES = (
    "/",
    "/queue",
    "/case?id=t-1",
    "/links?id=t-1",
    "/search",
    "/search/log?q=tok_customer",
    "/labels",
    "/lists",
    "/rules",
    "/rules/history",
    "/rules/edit",
    "/models",
    "/reports",
    "/audit",
)
LEADING_ON = ("/queue/next", "/report")
"""What answers with another page, and what was made before: a report as it is stored."""


def paths(browser: Browser, method: str) -> set[str]:
    return {each.path for each in browser.app.routes if isinstance(each, Route) and method in (each.methods or ())}


def test_every_page_of_the_console_is_among_those_that_are_tried_here(aws: MinistackServer) -> None:
    assert paths(browser_on(aws), "GET") - {*LEADING_ON} == {page.partition("?")[0] for page in PAGES}


def test_no_form_is_taken_without_the_cookie(aws: MinistackServer) -> None:
    browser = browser_on(aws)
    forms = paths(browser, "POST")
    assert "/case/take" in forms
    assert {browser.client.post(path, data={"csrf": "guess"}, headers=FORM).status_code for path in forms} == {401}


@pytest.mark.parametrize("path", [*PAGES, *LEADING_ON, "/static/console.css", "/nowhere"])
def test_nothing_is_shown_without_the_cookie(aws: MinistackServer, path: str) -> None:
    answer = browser_on(aws).client.get(path)
    assert answer.status_code == 401
    assert "Open the link" in answer.text


def test_the_link_works_once_and_gives_a_strict_cookie(aws: MinistackServer) -> None:
    browser = browser_on(aws)
    answer = browser.client.get(browser.link)
    kept = answer.headers["set-cookie"]
    assert kept.startswith(f"fraudstream-console-{PORT}=")
    assert kept.endswith("; HttpOnly; SameSite=Strict; Path=/")
    assert "token" not in answer.text
    browser.client.cookies.clear()
    assert browser.client.get(browser.link).status_code == 401


@pytest.mark.parametrize("other", ["a=b c", 'theme={"dark":true}', "é=ü", "nameless", "a[]=1", '=; "'])
def test_other_programs_cookies_lock_nobody_out(browser: Browser, other: str) -> None:
    name = f"fraudstream-console-{PORT}"
    own = f"{name}={browser.client.cookies[name]}"
    for cookies in (f"{other}; {own}", f"{own}; {other}"):
        assert browser.client.get("/search", headers={b"Cookie": cookies.encode("latin-1")}).status_code == 200
    foreign = f"{other}; {name}=x".encode("latin-1")
    assert browser.client.get("/search", headers={b"Cookie": foreign}).status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_no_other_token_is_taken(aws: MinistackServer, token: str) -> None:
    browser = browser_on(aws)
    assert browser.client.get("/enter", params={"token": token}).status_code == 401
    assert browser.client.get(browser.link).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
def test_a_name_that_leads_here_by_other_peoples_dns_is_refused(browser: Browser, host: str) -> None:
    assert browser.client.get("/", headers={"Host": host}).status_code == 421
    assert browser.client.get(browser.link, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"http://localhost:{PORT}"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_a_form_from_another_page_changes_nothing(browser: Browser, system: System, headers: dict[str, str]) -> None:
    system.alert("t-1")
    answer = browser.client.post("/case/take", data={"csrf": browser.session.csrf, "id": "t-1"}, headers=headers)
    assert answer.status_code == 403
    assert browser.records() == []


@pytest.mark.parametrize("destination", ["empty", "image", "script", "iframe"])
@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_another_programs_page_on_this_machine_asks_in_vain(browser: Browser, site: str, destination: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": destination}
    browser.session.notices.append("The case is yours.")
    assert browser.client.get("/search", headers=headers).status_code == 403
    assert browser.session.notices == ["The case is yours."]
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": destination}
    assert browser.client.get("/search", headers=own).status_code == 200


@pytest.mark.parametrize("site", ["none", "same-site", "cross-site"])
def test_whoever_opens_a_page_from_elsewhere_sees_it(browser: Browser, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}
    assert browser.client.get("/search", headers=headers).status_code == 200


@pytest.mark.parametrize("csrf", [{}, {"csrf": ""}, {"csrf": "guess"}], ids=str)
def test_a_form_without_our_secret_changes_nothing(browser: Browser, system: System, csrf: dict[str, str]) -> None:
    system.alert("t-1")
    assert browser.client.post("/case/take", data={**csrf, "id": "t-1"}, headers=FORM).status_code == 403
    assert browser.records() == []


@pytest.mark.parametrize("has_entered", [False, True])
def test_what_was_written_into_a_page_of_an_earlier_console_is_given_back(
    aws: MinistackServer, system: System, *, has_entered: bool
) -> None:
    system.alert("t-1")
    browser = browser_on(aws)
    if has_entered:
        browser.enter()
    data = {"csrf": "the earlier one's", "id": "t-1", "note": "asked the customer", "draft": "rules: []\n# mine"}
    answer = browser.client.post("/case/decide", data=data, headers=FORM)
    assert answer.status_code == (403 if has_entered else 401)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Nothing was done. You had written:\n\nasked the customer\n\nrules: []\n# mine\n" in answer.text
    assert browser.records() == []


def test_nothing_is_repeated_to_a_page_from_elsewhere(aws: MinistackServer) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = browser_on(aws).client.post("/case/decide", data={"note": "asked the customer"}, headers=headers)
    assert answer.status_code == 401
    assert "asked" not in answer.text


def test_only_short_forms_are_read(browser: Browser) -> None:
    data = {"csrf": browser.session.csrf, "note": "x" * 600_000}
    assert browser.client.post("/case/decide", data=data, headers=FORM).status_code == 413
    assert browser.client.post("/case/decide", json=data, headers=FORM).status_code == 415


@pytest.mark.parametrize("path", [*PAGES, "/static/console.css", "/static/keys.js", "/nowhere"])
def test_every_answer_forbids_scripts_frames_and_copies_from_elsewhere(
    browser: Browser, system: System, path: str
) -> None:
    system.alert("t-1")
    headers = browser.client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy[kind] for kind in ("script-src", "style-src", "img-src", "form-action")} == {"'self'"}
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_no_inline_script_or_style_and_nothing_from_elsewhere(
    browser: Browser, system: System, path: str
) -> None:
    system.alert("t-1")
    # A draft is text, and may name sources.
    page = re.sub(r"(<textarea[^>]*>)[^<]*", r"\1", browser.client.get(path).text)
    assert '<script src="/static/keys.js"></script>' in page
    assert page.count("<script") == len(re.findall(r'<script src="/static/[a-z_-]+\.js"( defer)?></script>', page))
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"<[^>]*\son\w+=", page)
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_report_may_do_nothing_in_the_consoles_name(browser: Browser, system: System) -> None:
    key = "reports/date=2026-11-23/report.html"
    system.s3.put_object(Bucket="bucket-reports-test", Key=key, Body=b"<script>alert(1)</script>")
    answer = browser.client.get("/report", params={"date": "2026-11-23"})
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-frame-options"] == "DENY"


def test_what_is_stored_is_text_to_the_pages(browser: Browser, system: System) -> None:
    nasty = "<script>alert(1)</script>"
    system.alert("t-1", metadata={"note": nasty})
    assert nasty not in browser.page("/case", id="t-1")
    assert "&lt;script&gt;" in browser.page("/case", id="t-1")
    assert nasty not in browser.page("/search", q=nasty)
