"""Preflight, with real boto3 clients that ask a small server which answers as AWS does."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from fraudstream_tools.cli.stack.preflight import stack_settings
from fraudstream_tools.cli.support.account_checks import RUNTIME_ENDS, AccountChecker, State
from tests.cli_harness import Command, clean_environment

CHECKOUT = Path.cwd()
FUNCTIONS = tuple(f"lambda-{name}-dev" for name in ("transaction-processor", "fraud-analyzer", "report-generator"))
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Aws:
    """An account; `denied` names the paths that the credentials may not look at."""

    def __init__(self) -> None:
        self.url = ""
        self.total, self.unreserved = 1000, 1000
        self.reserved: dict[str, int] = {}
        self.vpcs: list[str] = []
        self.vpc_quota: int | None = None
        self.api: dict[str, str] | None = None
        self.rate, self.burst, self.role = 10_000.0, 5000, ""
        self.denied: set[str] = set()

    def described_vpcs(self) -> str:
        tags = "<tagSet><item><key>Name</key><value>{}</value></item></tagSet>"
        items = "".join(f"<item><vpcId>vpc-1</vpcId>{tags.format(name)}</item>" for name in self.vpcs)
        return f"<DescribeVpcsResponse><vpcSet>{items}</vpcSet></DescribeVpcsResponse>"

    def answer(self, path: str) -> tuple[int, str]:
        if any(denied in path for denied in self.denied):
            return 403, json.dumps({"Message": "not authorized", "message": "not authorized"})
        if path.endswith("/concurrency"):
            function = path.split("/")[-2]
            if function not in self.reserved:
                return 404, json.dumps({"Message": "Function not found"})
            return 200, json.dumps({"ReservedConcurrentExecutions": self.reserved[function]})
        if "account-settings" in path:
            limits = {"ConcurrentExecutions": self.total, "UnreservedConcurrentExecutions": self.unreserved}
            return 200, json.dumps({"AccountLimit": limits})
        if "restapis" in path:
            return 200, json.dumps({"item": [self.api] if self.api else []})
        throttle = {"rateLimit": self.rate, "burstLimit": self.burst}
        return 200, json.dumps({"throttleSettings": throttle} | ({"cloudwatchRoleArn": self.role} if self.role else {}))


@pytest.fixture
def aws_account() -> Iterator[Aws]:
    state = Aws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if "ServiceQuotas" in self.headers.get("X-Amz-Target", ""):
                missing = json.dumps({"message": "no such quota"})
                quota = json.dumps({"Quota": {"Value": state.vpc_quota}})
                self.send(400 if state.vpc_quota is None else 200, quota if state.vpc_quota else missing, "text/json")
                return
            service = "ec2" if "DescribeVpcs" in body else "sts"
            error = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
            if service == "ec2":
                error = f"<Response><Errors>{error[15:-16]}</Errors></Response>"
            answer = state.described_vpcs() if service == "ec2" else IDENTITY
            denied = service in state.denied
            self.send(403 if denied else 200, error if denied else answer, "text/xml")

        def do_GET(self) -> None:
            status, body = state.answer(self.path)
            self.send(status, body, "application/json")

        def send(self, status: int, body: str, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if status in {403, 404}:
                code = "AccessDeniedException" if status == 403 else "ResourceNotFoundException"
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def fraudstream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, aws_account: Aws
) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_account.url)
    # A checkout with settings of its own.
    (tmp_path / "Pulumi.yaml").symlink_to(CHECKOUT / "Pulumi.yaml")
    (tmp_path / "infra").symlink_to(CHECKOUT / "infra")
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_an_account_that_can_take_the_stack_passes(fraudstream: Command) -> None:
    ran = fraudstream("preflight")
    assert ran.code == 0, ran.out
    assert "123456789012 in us-east-2" in ran.out
    assert "1,000 of 1,000 unreserved; 400 to reserve, 100 must stay" in " ".join(ran.out.split())


@pytest.mark.parametrize(("total", "unreserved", "wanted"), [(10, 10, 500), (1000, 450, 1050)])
def test_too_little_concurrency_says_how_much_to_request(
    fraudstream: Command, aws_account: Aws, total: int, unreserved: int, wanted: int
) -> None:
    aws_account.total, aws_account.unreserved = total, unreserved
    ran = fraudstream("preflight")
    assert ran.code == 1
    assert f"--quota-code L-B99A9384 --desired-value {wanted} --region us-east-2" in ran.out


def test_what_the_stack_has_reserved_already_counts_for_it(fraudstream: Command, aws_account: Aws) -> None:
    aws_account.unreserved = 200
    aws_account.reserved = dict.fromkeys(FUNCTIONS, 100)
    assert fraudstream("preflight").code == 0


def test_an_up_that_shifts_concurrency_needs_both_for_a_while(fraudstream: Command, aws_account: Aws) -> None:
    aws_account.unreserved = 150
    aws_account.reserved = dict(zip(FUNCTIONS, (200, 550, 100), strict=True))
    Path("Pulumi.dev.yaml").write_text("config:\n  fraudstream:processorConcurrency: 600\n")
    ran = fraudstream("preflight")
    assert ran.code == 1
    assert "1,250 while an up changes them" in " ".join(ran.out.split())
    assert "--quota-code L-B99A9384 --desired-value 1350" in ran.out


@pytest.mark.parametrize(
    ("names", "quota", "code"),
    [
        (["other"] * 4, None, 0),
        (["other"] * 5, None, 1),
        (["other"] * 5, 20, 0),
        (["vpc-main-dev", *["other"] * 4], 5, 0),
    ],
)
def test_a_region_that_is_full_of_vpcs_is_said(
    fraudstream: Command, aws_account: Aws, names: list[str], quota: int | None, code: int
) -> None:
    aws_account.vpcs, aws_account.vpc_quota = names, quota
    ran = fraudstream("preflight")
    assert ran.code == code
    assert ("--quota-code L-F678F1CE --desired-value 6" in ran.out) == bool(code)


@pytest.mark.parametrize(
    ("policy", "status", "code", "said"),
    [
        ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "AVAILABLE", 0, ""),
        ("TLS_1_2", "AVAILABLE", 0, "the next up changes it to SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"),
        ("TLS_1_2", "UPDATING", 1, "wait until the API is available again"),
    ],
)
def test_a_tls_policy_in_transition_is_waited_for(
    fraudstream: Command, aws_account: Aws, *, policy: str, status: str, code: int, said: str
) -> None:
    aws_account.api = {"name": "api-transactions-dev", "securityPolicy": policy, "apiStatus": status}
    ran = fraudstream("preflight")
    assert ran.code == code
    assert said in ran.out


def test_the_stacks_own_settings_are_what_is_checked(fraudstream: Command, aws_account: Aws, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.big.yaml").write_text("config:\n  fraudstream:processorConcurrency: 800\n  aws:profile: x\n")
    aws_account.burst = 600
    checks = {check["name"]: check for check in json.loads(fraudstream("preflight", "--stack", "big", "--json").out)}
    assert "request at least 1,100" in checks["Lambda concurrency"]["advice"]
    assert "bursts of 800" in checks["API Gateway rate"]["advice"]


def test_a_wrong_setting_is_named_before_aws_is_asked(fraudstream: Command, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  fraudstream:processorConcurrency: 10\n")
    ran = fraudstream("preflight")
    assert ran.code == 1
    assert "fraudstream:processorConcurrency is '10'" in ran.err


@pytest.mark.parametrize(("rate", "code"), [(1499.0, 1), (1500.0, 0)])
def test_an_api_rate_below_that_of_both_methods_says_what_to_request(
    fraudstream: Command, aws_account: Aws, rate: float, code: int
) -> None:
    aws_account.rate = rate
    ran = fraudstream("preflight")
    assert ran.code == code
    assert ("--quota-code L-8A5B8E43" in ran.out) == bool(code)


@pytest.mark.parametrize(
    ("setting", "role", "advice"),
    [
        ("manage", "", ""),
        ("manage", "role-api-logs-dev", ""),
        ("manage", "somebody-else", "apiGatewayAccountRole existing"),
        ("existing", "somebody-else", ""),
        ("existing", "", "apiGatewayAccountRole manage"),
    ],
)
def test_the_account_wide_log_role_is_never_taken_from_somebody_else(
    fraudstream: Command, aws_account: Aws, setting: str, role: str, advice: str
) -> None:
    Path("Pulumi.dev.yaml").write_text(f"config:\n  fraudstream:apiGatewayAccountRole: {setting}\n")
    aws_account.role = role and f"arn:aws:iam::123456789012:role/{role}"
    ran = fraudstream("preflight")
    assert ran.code == bool(advice)
    assert advice in ran.out


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("account-settings", "lambda:GetAccountSettings"),
        ("/account", "apigateway:GET on /account"),
        ("sts", "sts:GetCallerIdentity"),
        ("restapis", "apigateway:GET on /restapis"),
        ("ec2", "ec2:DescribeVpcs"),
    ],
)
def test_what_the_credentials_may_not_see_is_named(
    fraudstream: Command, aws_account: Aws, path: str, permission: str
) -> None:
    aws_account.denied = {path}
    ran = fraudstream("preflight")
    assert ran.code == 1
    assert "not checked" in ran.out
    assert f"allow {permission}" in ran.out


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2026, 11, 23), State.OK), (date(2027, 3, 1), State.NOTE), (date(2027, 6, 30), State.FIX)],
)
def test_a_runtime_that_ends_is_said_in_time(today: date, state: State) -> None:
    settings = stack_settings(Path("/nowhere/Pulumi.dev.yaml"), "dev")

    def no_credentials(_service: str) -> Any:
        raise NoCredentialsError

    caller, runtime = AccountChecker(no_credentials, settings, today).checks()
    assert caller.state is State.UNKNOWN
    assert "credentials" in caller.advice
    assert runtime.state is state
    assert str(RUNTIME_ENDS["python3.11"]) in runtime.found
