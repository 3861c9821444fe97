"""Reading settings one by one: typed, checked, every complaint remembered."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import pulumi

from fraudstream.contract import HOME_REGION, EventType, FourEyes

Choice = TypeVar("Choice", bound=str)

NAMESPACE = "fraudstream"
MINIMUM_CONCURRENCY = 100
"""Reserved concurrent executions that each function has at least."""
UNPROVISIONED = 10
"""Reserved executions that are never provisioned: the alias `tokens` leads to `$LATEST`, which has no others.

Lambda throttles `$LATEST` for good where all that is reserved is provisioned for versions (its guide on reserved
concurrency). Commands ask for tokens one call after the other.
"""


STANDARD_REGION = re.compile(r"(?!cn-)[a-z]{2}-[a-z]+-[0-9]")
"""Regions of the partition `aws`, of which all ARNs of the program are; names elsewhere have a part more, or `cn`."""


class StackSettingsError(pulumi.RunError):
    """Settings that the stack cannot be built with; Pulumi shows the message and stops."""


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """How one function is sized."""

    concurrency: int
    """Reserved concurrent executions."""
    memory_mb: int
    provisioned_concurrency: int = 0
    """Environments that are kept ready; 0: none."""


class SettingReader:
    """Reads settings one by one and remembers every complaint, so that one run names them all."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self._get = get
        self.asked: set[str] = set()
        self.complaints: list[str] = []

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        self.complaints.append(f"{NAMESPACE}:{name} is {value!r}; allowed: {allowed}")

    def _read(self, name: str, default: str | None = None) -> str | None:
        """Read a setting's text; one that is set to nothing is nothing, and not the default."""
        self.asked.add(name)
        value = self._get(name)
        return default if value is None else value

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """Read a whole number within bounds."""
        raw = self._read(name)
        if raw is None:
            return default
        value = int(raw) if re.fullmatch(r"-?[0-9]{1,10}", raw) else None
        if value is None or not minimum <= value <= maximum:
            self._refuse(name, raw, f"a whole number from {minimum} to {maximum}")
            return default
        return value

    def choice(self, name: str, default: Choice, allowed: Collection[Choice]) -> Choice:
        """Read one of a few values."""
        value = self._read(name, default)
        for each in allowed:
            if each == value:
                return each
        self._refuse(name, value, " or ".join(allowed))
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Read whether something is wanted."""
        return self.choice(name, "true" if default else "false", ("true", "false")) == "true"

    def text(self, name: str, default: str | None, check: Callable[[str], object], allowed: str) -> str | None:
        """Read a text that a check accepts."""
        value = self._read(name, default)
        if value is not None and not check(value):
            self._refuse(name, value, allowed)
            return default
        return value

    def secret(self, name: str, pattern: str, allowed: str) -> str | None:
        """Read what must not be shown: the complaint does not repeat it."""
        value = self._read(name)
        if value is not None and not re.fullmatch(pattern, value):
            self.complaints.append(f"{NAMESPACE}:{name} is wrong; allowed: {allowed}")
            return None
        return value

    def webhook(self, *, is_local: bool) -> tuple[str | None, str | None]:
        """Read where events are posted to, and the secret that comes with them.

        AWS posts over TLS only, and a system on one machine to that machine.
        """
        loopback = r"|http://(?:127\.0\.0\.1|localhost):[0-9]+(?:/[!-~]*)?" if is_local else ""
        known = len(self.complaints)
        url = self.secret(
            "alertWebhookUrl", rf"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[!-~]*)?{loopback}", "an address with https://"
        )
        secret = self.secret("alertWebhookSecret", "[!-~][ -~]{15,511}", "16 to 512 printable ASCII characters")
        if len(self.complaints) == known and url is not None and secret is None:
            self.complaints.append(
                f"{NAMESPACE}:alertWebhookUrl needs {NAMESPACE}:alertWebhookSecret, by which the receiver knows who "
                f"posts: pulumi config set --secret {NAMESPACE}:alertWebhookSecret"
            )
        return url, secret

    def per_cent(self, name: str) -> str | None:
        """Read a share in per cent, which a function is told as it is written."""
        allowed = "per cent from 0 to 100 with a point and at most six decimals, such as 0.08"
        return self.text(name, None, re.compile(r"(100|[0-9]{1,2}(\.[0-9]{1,6})?)").fullmatch, allowed)

    def events(self, default: str) -> tuple[EventType, ...]:
        """Read which events other systems are told, in the order of their declaration."""
        value = self._read("events", default) or ""
        whole: Mapping[str, set[str]] = {"all": set(EventType), "none": set()}
        chosen = whole.get(value, {name.strip() for name in value.split(",")})
        if not chosen <= set(EventType):
            self._refuse("events", value, f"all, none, or any of {', '.join(EventType)}, separated by commas")
            return ()
        return tuple(each for each in EventType if each in chosen)

    def four_eyes(self) -> tuple[FourEyes, ...]:
        """Read which changes need a second person, in the order of their declaration."""
        value = self._read("fourEyes", "nothing") or ""
        chosen = set[str]() if value == "nothing" else {name.strip() for name in value.split(",")}
        if not chosen <= set(FourEyes):
            self._refuse("fourEyes", value, f"nothing, or any of {', '.join(FourEyes)}, separated by commas")
            return ()
        return tuple(each for each in FourEyes if each in chosen)

    def region(self) -> str:
        """Read the region; another than the home region must be permitted."""
        region = self._read("region", HOME_REGION) or ""
        is_other_allowed = self.flag("allowOtherRegion", default=False)
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", region):
            self._refuse("region", region, "the name of an AWS region")
        elif not STANDARD_REGION.fullmatch(region):
            self._refuse(
                "region",
                region,
                "a region whose ARNs begin with arn:aws, such as eu-west-1; not China, GovCloud or an isolated one",
            )
        elif region != HOME_REGION and not is_other_allowed:
            self._refuse(
                "region", region, f"{HOME_REGION}, or any other together with {NAMESPACE}:allowOtherRegion true"
            )
        return region

    def provisioned(self, name: str, function: FunctionSettings) -> FunctionSettings:
        """Read how many of a function's environments are kept ready."""
        ready = self.integer(f"{name}ProvisionedConcurrency", 0, 0, 3000)
        if ready > function.concurrency - UNPROVISIONED:
            most = f"at most {NAMESPACE}:{name}Concurrency, {function.concurrency}, less {UNPROVISIONED}"
            self._refuse(f"{name}ProvisionedConcurrency", str(ready), most)
        return replace(function, provisioned_concurrency=ready)

    def function(self, name: str, concurrency: int, memory_mb: int) -> FunctionSettings:
        """Read how a function is sized."""
        return FunctionSettings(
            # 3,000 is the burst that an account of any region may take at once; AWS checks the account's own quota.
            concurrency=self.integer(f"{name}Concurrency", concurrency, MINIMUM_CONCURRENCY, 3000),
            memory_mb=self.integer(f"{name}Memory", memory_mb, 256, 10240),
        )
