"""What `pulumi` runs."""

import sys
from pathlib import Path

# Pulumi puts this folder on the path, not the one that it is in.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra.program import main

main()
