"""What `pulumi up --policy-pack policy` runs."""

import sys
from pathlib import Path

# Pulumi puts this folder on the path, not the one that it is in.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import PolicyPack

from policy.pack import NAME, policies

PolicyPack(name=NAME, policies=policies())
