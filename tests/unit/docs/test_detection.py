"""The documents say what the code does."""

import re
from pathlib import Path

from fraudstream.detection.features.registry import FEATURES, Form
from fraudstream.detection.profiles.layout import LAYOUTS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "detection.md").read_text()
FORMS = {Form.COUNT: "whole", Form.SHARE: "share", Form.AMOUNT: "single", Form.COARSE: "coarse"}


def test_every_feature_is_documented_in_order_with_form_and_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", DOCUMENT, flags=re.MULTILINE)
    documented = [row for row in rows if row[1] in FORMS.values()]
    assert documented == [(feature.name, FORMS[feature.form], feature.description) for feature in FEATURES]


def test_the_largest_values_of_features_are_documented() -> None:
    lower = [feature for feature in FEATURES if feature.most is not None]
    said = ", ".join(f"`{feature.name}` {feature.most:g}" for feature in lower)
    assert f"These end earlier: {said}." in " ".join(DOCUMENT.split())


def test_sizes_are_those_of_the_code() -> None:
    rings = {kind.value: layout.ring for kind, layout in LAYOUTS.items()}
    assert (
        f"{rings['customer']} for a\n  customer, {rings['card']} for a card, {rings['merchant']} for the others"
        in DOCUMENT
    )
