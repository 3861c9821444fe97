"""Which fraudstream a command talks to: where its API is, what its tables are called, and who is asking.

Each name is looked up in this order: the command's option, the environment, the outputs of the Pulumi stack that was
asked for with `--stack`, the fraudstream that `fraudstream local` left running here, the selected Pulumi stack.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from fraudstream.contract import HOME_REGION
from fraudstream_tools.cli.support.terminal.output import CommandError

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import Credentials

    from fraudstream_tools.lab.replay.signing import CallerAuth

LOCAL_OUTPUTS = Path(".local/outputs.json")
"""In the checkout, while `fraudstream local` runs: the stack's outputs, and where the embedded AWS is, with keys."""

VARIABLES: Mapping[str, str] = {
    "apiUrl": "FRAUDSTREAM_API",
    "apiKey": "FRAUDSTREAM_API_KEY",
    "analyticsDatabase": "FRAUDSTREAM_ANALYTICS_DATABASE",
    "analyticsWorkgroup": "FRAUDSTREAM_ANALYTICS_WORKGROUP",
    "bucketName": "FRAUDSTREAM_BUCKET",
    "transactionsTable": "FRAUDSTREAM_TRANSACTIONS_TABLE",
    "alertsTable": "FRAUDSTREAM_ALERTS_TABLE",
    "outboxTable": "FRAUDSTREAM_OUTBOX_TABLE",
    "events": "FRAUDSTREAM_EVENTS",
    "profilesTable": "FRAUDSTREAM_PROFILES_TABLE",
    "reportFunction": "FRAUDSTREAM_REPORT_FUNCTION",
    "analyzerFunction": "FRAUDSTREAM_ANALYZER_FUNCTION",
    "auditBucket": "FRAUDSTREAM_AUDIT_BUCKET",
    "tokenKeys": "FRAUDSTREAM_TOKEN_KEYS",
    "tokenNumber": "FRAUDSTREAM_TOKEN_NUMBER",
    "retentionDays": "FRAUDSTREAM_RETENTION_DAYS",
    "reviewHours": "FRAUDSTREAM_REVIEW_HOURS",
    "reviewExpiryDays": "FRAUDSTREAM_REVIEW_EXPIRY_DAYS",
    "backOfficeUrl": "FRAUDSTREAM_BACK_OFFICE_URL",
    "approvedRuleset": "FRAUDSTREAM_APPROVED_RULESET",
    "approvedModels": "FRAUDSTREAM_APPROVED_MODELS",
    "fourEyes": "FRAUDSTREAM_FOUR_EYES",
    "processorFunction": "FRAUDSTREAM_PROCESSOR_FUNCTION",
}
"""The stack's outputs that commands need, and the environment variable that replaces each."""

_CLIENT_SETTINGS: Mapping[str, Mapping[str, Any]] = {"dynamodb": {"connect_timeout": 5, "read_timeout": 10}}
"""Options of botocore's `Config`, by service; own choice: DynamoDB answers within seconds. By itself, botocore waits a
minute for each of ten answers, while a command or a page stands still where a network lets nothing through."""

_OF_EVERY_LOCAL = ("apiUrl", "endpointUrl", "lambdaUrl", "accessKeyId", "secretAccessKey")
"""Outputs without which nothing can be asked of a local system."""


class _PulumiRefusedError(CommandError):
    """The Pulumi CLI gives no outputs, in its own words."""


class SystemKind(StrEnum):
    """Which fraudstream a change is for, where that must not be left to what is found."""

    LOCAL = "local"
    """The one that `fraudstream local` runs here."""
    BUCKET = "bucket"
    """One on AWS."""


@dataclass
class Deployment:
    """A deployed fraudstream."""

    stack: str | None = None
    """The Pulumi stack that was asked for."""
    given: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """What the command's options say, by output."""
    client_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Options of botocore's `Config` for each client, before what one is asked for with."""
    _refused: str = field(default="", init=False)
    """Why the Pulumi CLI gave no outputs of the selected stack."""

    def __getitem__(self, output: str) -> str:
        """Return one of the stack's outputs.

        Raises:
            CommandError: nothing says what it is.
        """
        if value := self.get(output):
            return value
        refused = f"\n{self._refused}" if self._refused else ""
        raise CommandError(
            f"no fraudstream was found that names its {output}. Do one of these:\n"
            f"  start a fraudstream here, in another terminal:  fraudstream local\n"
            f"  be where one runs: {LOCAL_OUTPUTS} is looked for in {Path.cwd()} and the folders above it\n"
            f"  be in the checkout that deployed it, or name its stack:  --stack dev\n"
            f"  set it in the environment:  export {VARIABLES[output]}=…{refused}"
        )

    def get(self, output: str) -> str | None:
        """Return one of the stack's outputs, or None where nothing says what it is."""
        return self.given.get(output) or os.environ.get(VARIABLES[output]) or self._outputs.get(output)

    def number(self, output: str) -> int:
        """Return an output that is a whole number.

        Raises:
            CommandError: nothing says what it is, or it is no number.
        """
        if not (value := self[output]).isdecimal():
            raise CommandError(f"{output} ({VARIABLES[output]} in the environment) has to be a whole number")
        return int(value)

    @property
    def api_url(self) -> str:
        """Return the API's URL, without a slash at its end.

        Raises:
            CommandError: nothing says what it is, or it is no address of a server.
        """
        import httpx

        url = self["apiUrl"]
        try:
            place = urlsplit(url)
            # Each knows something else: which ports there are, which addresses, and how long a name may be.
            is_url = place.scheme in ("http", "https") and place.port != 0 and bool(httpx.URL(url).host)
            is_url = is_url and " " not in (place.hostname or " ").encode("idna").decode()
        except (ValueError, httpx.InvalidURL):
            is_url = False
        if not is_url:
            raise CommandError(
                f"the API's URL (--api or {VARIABLES['apiUrl']}) is not one: it looks like "
                "https://abc.execute-api.us-east-2.amazonaws.com/v1"
            )
        return url.rstrip("/")

    @property
    def region(self) -> str:
        """The region: the API's own, where its URL says so."""
        url = self.get("apiUrl") or ""
        if found := re.search(r"\.execute-api\.([a-z0-9-]+)\.", url):
            return found[1]
        return self._outputs.get("region") or os.environ.get("AWS_REGION") or HOME_REGION

    @property
    def is_local(self) -> bool:
        """Whether commands go to the embedded AWS: never when the API's URL was given from outside."""
        return "endpointUrl" in self._outputs and self.get("apiUrl") == self._outputs["apiUrl"]

    def log_file(self, function: str) -> str | None:
        """Return where a function of the embedded AWS writes its log; None on AWS, where it has a log group."""
        folder = self._outputs.get("functionLogs") if self.is_local else None
        return None if folder is None else str(Path(folder, f"{function}.log"))

    def client(self, service: str, settings: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  (one class per service)
        """Return a boto3 client for one of the services behind it.

        Args:
            service: its name, as boto3 has it.
            settings: of botocore's `Config`.
        """
        from botocore.config import Config

        endpoint = None
        if self.is_local:
            endpoint = self._outputs["lambdaUrl" if service == "lambda" else "endpointUrl"]
        wanted = {**_CLIENT_SETTINGS.get(service, {}), **self.client_settings, **(settings or {})}
        config = Config(**wanted) if wanted else None
        return cast("Any", self._session).client(service, region_name=self.region, endpoint_url=endpoint, config=config)

    def auth(self) -> "CallerAuth":
        """Return what proves to the API who is calling: the API key where there is one, else a signature.

        Raises:
            CommandError: there are no AWS credentials.
        """
        from fraudstream_tools.lab.replay.signing import ApiKey, SignedRequests

        if key := self.get("apiKey"):
            return ApiKey(key)
        credentials: Credentials | None = cast("Any", self._session).get_credentials()
        if credentials is None:
            raise CommandError(
                "requests to the API are signed, and there are no AWS credentials: run `aws configure` or "
                "`aws sso login`, set AWS_PROFILE, or set FRAUDSTREAM_API_KEY if the API takes keys"
            )
        return SignedRequests(credentials, self.region)

    @cached_property
    def _session(self) -> "boto3.Session":
        import boto3

        if not self.is_local:
            return boto3.Session()
        return boto3.Session(self._outputs["accessKeyId"], self._outputs["secretAccessKey"])

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        folders = (Path.cwd(), *Path.cwd().parents)
        running = next((file for folder in folders if (file := folder / LOCAL_OUTPUTS).is_file()), None)
        if self.stack is None and running is not None:
            return _local_outputs(running)
        if any((folder / "Pulumi.yaml").is_file() for folder in folders) and shutil.which("pulumi"):
            try:
                return _pulumi_outputs(self.stack)
            except _PulumiRefusedError as error:
                if self.stack is not None:
                    raise
                # What a command needs may be in the environment; where it is not, the error says this too.
                self._refused = str(error)
        if self.stack is not None:
            raise CommandError(f"stack {self.stack}: this needs the Pulumi CLI, and a checkout with Pulumi.yaml in it")
        return {}


def target(stack: str | None, to: SystemKind | None) -> Deployment:
    """Return the fraudstream that a change is for.

    Raises:
        CommandError: it is not the kind that was asked for.
    """
    deployment = Deployment(stack)
    if to is SystemKind.LOCAL and not deployment.is_local:
        raise CommandError("--to local: no fraudstream runs here; start one in another terminal: fraudstream local")
    if to is SystemKind.BUCKET and deployment.is_local:
        raise CommandError(
            "--to bucket: the fraudstream that was found is the one that runs here; name the stack: --stack dev"
        )
    return deployment


def _local_outputs(file: Path) -> Mapping[str, str]:
    try:
        outputs: Any = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        raise CommandError(f"{file}: not the outputs of a `fraudstream local`: remove it, and start another")
    found = cast("dict[str, Any]", outputs)
    for name in {*_OF_EVERY_LOCAL, *(VARIABLES.keys() & found.keys())}:
        if not isinstance(found.get(name), str):
            raise CommandError(f"{file}: {name} is no text: remove the file, and start another `fraudstream local`")
    return found


def _pulumi_outputs(stack: str | None) -> Mapping[str, str]:
    chosen = ["--stack", stack] if stack else []
    asked = ["pulumi", "stack", "output", "--json", "--show-secrets", *chosen, "--non-interactive"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if answer.returncode == 0:
        try:
            return cast("dict[str, str]", json.loads(answer.stdout))
        except ValueError:
            raise CommandError(f"`{' '.join(asked)}` does not print JSON: try it yourself") from None
    which = f"stack {stack}" if stack else "the selected stack"
    raise _PulumiRefusedError(f"pulumi does not give the outputs of {which}: {answer.stderr.strip()}")
