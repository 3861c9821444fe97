"""What it takes to read the program: each `pulumi` command does so, and the tests and the demo too."""

import subprocess
import sys

_OPTIONAL = ("athena", "cloudtrail", "glue", "wafv2")
"""Services that a stack uses only where a setting asks for them. Their classes take two fifths of all reading."""
_READ = "import sys, infra.program; print(*(name for name in sys.modules if name.startswith('pulumi_aws.')))"


def test_services_that_only_a_setting_asks_for_are_not_read_before() -> None:
    found = subprocess.run([sys.executable, "-c", _READ], capture_output=True, text=True, check=True).stdout.split()

    parts = [name.split(".") for name in found]
    assert ["pulumi_aws", "dynamodb", "table"] in parts
    assert [part for part in parts if part[1] in _OPTIONAL and len(part) > 2] == []
