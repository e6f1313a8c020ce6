"""What a map of documents shows."""

import json
import re


def data_of(path):
    """The texts, columns and neighbours in a page."""
    html = path.read_text(encoding="utf-8")
    pattern = r'<script type="application/json" id="data">(.*?)</script>'
    return json.loads(re.search(pattern, html)[1])
