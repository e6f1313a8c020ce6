"""The page, as text and in a browser without a network."""

import json
import re
import shutil
import subprocess
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

pytest.importorskip("bokeh")

from sklux._map import page
from sklux._map.columns import cluster_column, color_column
from sklux._map.neighbors import Neighbors
from sklux._map.page import MapPage

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TEXTS = [
    "a red apple",
    "a <b>green</b> apple </script><script>alert(1)</script>",
    "a fast car",
    "a slow \ud800 car & its driver",
    "Äpfel in the CAR",
    "the last car, " + "which is long " * 20,
]
# The last step, and a loop over the steps.
END_OF_STEPS = """
  () => {
    const result = document.createElement("pre");
    result.id = "done";
    result.textContent = JSON.stringify(done);
    document.body.replaceChildren(result);
  },
];
function next() {
  if (document.body.dataset.ready) {
    try {
      steps.shift()();
    } catch (error) {
      document.body.textContent = `failed: ${error.stack}`;
      return;
    }
  }
  if (steps.length > 0) {
    setTimeout(next, 50);
  }
}
next();
"""
# What a reader sees and does: colours at the positions of documents, and the mouse.
READER = """
const POSITIONS = [[0, 0], [0, 1], [8, 8], [8, 9], [9, 8], [9, 9]];
const FOUND = "17,24,39";
const element = (id) => document.getElementById(id);
const model = (name) => Bokeh.documents[0].get_model_by_name(name);
const view = () => Bokeh.index.get(model("map"));
const colors = () => {
  const canvas = element("points");
  const { frame } = view();
  const ratio = canvas.width / frame.bbox.width;
  return POSITIONS.map(([x, y]) => {
    const left = frame.x_scale.compute(x) - frame.bbox.left;
    const top = frame.y_scale.compute(y) - frame.bbox.top;
    const { data } = canvas.getContext("2d").getImageData(
      Math.floor(left * ratio), Math.floor(top * ratio), 1, 1);
    return data.slice(0, 3).join();
  });
};
const nOf = (color) => colors().filter((one) => one === color).length;
const mouse = (type, [x, y], right = 0) => {
  const target = view().canvas_view.events_el;
  const box = target.getBoundingClientRect();
  const event = {
    clientX: box.left + view().frame.x_scale.compute(x) + right,
    clientY: box.top + view().frame.y_scale.compute(y),
    bubbles: true, composed: true, isPrimary: true, pointerId: 1,
  };
  target.dispatchEvent(new PointerEvent(type, event));
};
const click = (position, right = 0) => {
  mouse("pointerdown", position, right);
  mouse("pointerup", position, right);
};
"""
# Each step runs when the page has reacted to the one before it.
STEPS = """
const shown = (id) => [...element(id).querySelectorAll("button")];
const layer = (name) => model(name).data_source.data.x.length;
const type = (text) => {
  element("search").value = text;
  element("search").dispatchEvent(new Event("input"));
};
const done = {};
const steps = [
  () => {
    done.count = element("count").textContent;
    done.legend = shown("colors").map((button) => button.textContent);
    type("CAR");
  },
  () => {
    done.found = element("found").textContent;
    done.hits = shown("hits").map((button) => button.textContent);
    done.matches = nOf(FOUND);
    shown("hits")[1].click();
  },
  () => {
    done.text = element("text").textContent;
    done.values = element("values").textContent;
    done.neighbors = shown("neighbors").map((button) => button.textContent);
    done.marks = [layer("chosen"), layer("neighbors")];
    shown("neighbors")[0].click();
  },
  () => {
    done.neighbor = element("text").textContent;
    type("no such word");
  },
  () => {
    done.nothing = element("found").textContent;
    type("");
  },
  () => {
    done.cleared = [element("results").hidden, nOf(FOUND)];
    element("color").value = "1";
    element("color").dispatchEvent(new Event("change"));
  },
  () => {
    done.classes = shown("colors").map((button) => button.textContent);
    shown("colors")[0].click();
  },
  () => {
    done.inClass = nOf(FOUND);
    element("color").value = "2";
    element("color").dispatchEvent(new Event("change"));
  },
  () => {
    done.scale = element("colors").textContent;
    done.colors = new Set(colors()).size;
    click([0, 0]);
  },
  () => {
    done.tapped = element("text").textContent;
    click([4, 4]);
  },
  () => {
    done.besides = element("document").hidden;
    // A mouse that moves drags the map.
    mouse("pointerdown", [9, 8]);
    mouse("pointerup", [9, 8], 20);
    done.dragged = element("document").hidden;
    click([9, 8], 4);
    done.near = element("text").textContent;
    const names = Bokeh.documents[0].get_model_by_name("names");
    done.names = Array.from(names.data_source.data.alpha);
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  },
  () => {
    done.closed = [element("document").hidden, layer("chosen")];
  },
"""


# The mouse over a point, and then not; the text and the elements of the tooltip.
HOVER = """
const done = {};
const steps = [
  () => mouse("pointermove", [0, 0]),
  () => {},
  () => {
    const tip = element("tip");
    done.text = tip.hidden ? null : tip.textContent;
    done.elements = tip.children.length;
    done.ran = window.ran ?? null;
    mouse("pointermove", [4, 4]);
  },
  () => {},
  () => {
    done.besides = element("tip").hidden;
  },
"""
# A picture takes long: while the map moves, few points are drawn, and then all.
MOVE = """
let now = 0;
performance.now = () => (now += 12);
const show = (start, end) => model("map").x_range.setv({ start, end });
const drawn = () => 6 - nOf("255,255,255");
const done = {};
const rest = Array.from({ length: 6 }, () => () => {});
const steps = [
  () => {
    // The time of this picture counts.
    element("search").dispatchEvent(new Event("input"));
    show(-20, 20);
  },
  () => {},
  () => {
    done.moving = drawn();
  },
  ...rest,
  () => {
    done.rested = drawn();
  },
"""
# Searches one after the other: the numbers of found and of marked documents.
SEARCHES = """
const done = [];
const search = (text) => {
  element("search").value = text;
  element("search").dispatchEvent(new Event("input"));
  done.push([element("found").textContent, nOf(FOUND)]);
};
const press = () => element("colors").querySelector("button").click();
const steps = [
  () => ["a", "a r", "a re", "", " CA", "ca", "car i", "b", ""].forEach(search),
  () => {
    press();
    search("g");
    press();
    search("gr");
    press();
    search("");
  },
"""
# Tries to load something and to send something.
CONNECT = """
const done = {};
const steps = [
  () => {
    new Image().src = `${ADDRESS}/image`;
    fetch(`${ADDRESS}/fetch`, { mode: "no-cors" }).catch(() => {});
    document.head.append(Object.assign(
      document.createElement("script"), { src: `${ADDRESS}/script` }));
  },
  ...Array.from({ length: 40 }, () => () => {}),
"""
# What a hostile document holds: Chromium runs it if it becomes HTML.
HOSTILE = '<img src="x" onerror="window.ran = 1"> & <b>green</b>'


def make_html(texts):
    """A page of six documents."""
    positions = np.array([[0, 0], [0, 1], [8, 8], [8, 9], [9, 8], [9, 9]], np.float32)
    places = np.array([[1], [0], [3], [2], [5], [4]], dtype=np.int32)
    clusters = np.array([0, 0, 1, 1, 1, 1])
    names = ["apple, <red>", "car"]
    centers = np.array([[0, 0.5], [8.5, 8.5]])
    topics = cluster_column(clusters, names, centers)
    shown = MapPage(
        title="Cars & apples",
        positions=positions,
        neighbors=Neighbors(places, np.full((6, 1), 0.5, dtype=np.float32)),
        columns=[
            topics,
            color_column("kind", ["fruit", "fruit", "car", "car", "car", None]),
            color_column("price", [0.5, 1.5, 2.5, 3.5, 4.5, None]),
        ],
        names=[names[place] for place in topics.legend],
        name_positions=centers[topics.legend],
    )
    return shown.html(texts)


@pytest.fixture(scope="module")
def html():
    return make_html(TEXTS)


def in_browser(html, steps, folder):
    """What steps have found on a page, in Chromium."""
    path = folder / "map.html"
    script = f"<script>{READER}{steps}</script></body>"
    path.write_text(html.replace("</body>", script), encoding="utf-8")
    options = "--headless --no-sandbox --disable-gpu --window-size=1200,800"
    options += " --virtual-time-budget=60000 --dump-dom"
    options += f" --user-data-dir={folder / 'profile'}"
    shown = subprocess.run(
        [CHROMIUM, *options.split(), path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout
    result = re.search(r'<pre id="done">(.*?)</pre>', shown, re.DOTALL)
    assert result, shown[-2000:]
    return json.loads(unescape(result[1]))


def test_page_holds_all_that_it_needs(html):
    """No address of a network is loaded, and no text ends the script."""
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", html)
    assert "<title>Cars &amp; apples</title>" in html
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    data = json.loads(block[1])
    assert data["texts"] == [text.replace("\ud800", "?") for text in TEXTS]
    assert [column["name"] for column in data["columns"]] == ["topic", "kind", "price"]
    assert data["columns"][2]["ends"] == ["0.5", "4.5"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_in_a_browser(html, tmp_path):
    done = in_browser(html, STEPS + END_OF_STEPS, tmp_path)
    assert done["count"] == "6 documents"
    assert done["names"] == [1, 1]
    assert done["legend"] == ["car (4)", "apple, <red> (2)"]
    assert done["found"] == "4 documents" and done["matches"] == 4
    assert done["hits"][0] == TEXTS[2] and done["hits"][-1].endswith("\u2026")
    assert done["text"] == TEXTS[3].replace("\ud800", "?")
    assert done["values"] == "topiccarkindcarprice3.5"
    assert done["neighbors"] == ["0.50" + TEXTS[2]] and done["marks"] == [1, 1]
    assert done["neighbor"] == TEXTS[2]
    assert done["nothing"] == "0 documents" and done["cleared"] == [True, 0]
    assert done["classes"] == ["car (3)", "fruit (2)"] and done["inClass"] == 3
    # Five numbers, and the grey of the missing one.
    assert done["scale"] == "0.54.5" and done["colors"] == 6
    assert done["tapped"] == TEXTS[0] and done["near"] == TEXTS[4]
    assert done["besides"] and done["dragged"] and done["closed"] == [True, 0]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_draws_fewer_points_while_it_moves_slowly(tmp_path, monkeypatch):
    """At most every second one, because a picture takes 12 milliseconds or more."""
    monkeypatch.setattr(page, "LEAST", 2)
    done = in_browser(make_html(TEXTS), MOVE + END_OF_STEPS, tmp_path)
    assert 2 <= done["moving"] <= 3 and done["rested"] == 6


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_searches_one_after_the_other(html, tmp_path):
    """A search among the hits of the one before finds what a new search finds."""
    done = in_browser(html, SEARCHES + END_OF_STEPS, tmp_path)

    def expected(text, kept=TEXTS):
        n = sum(all(word in one.lower() for word in text.split()) for one in kept)
        noun = "document" if n == 1 else "documents"
        return [f"{n} {noun}", n if text or kept is not TEXTS else 0]

    cars = TEXTS[2:]
    searches = ["a", "a r", "a re", "", "ca", "ca", "car i", "b", ""]
    wanted = [expected(text) for text in searches]
    wanted += [expected("g", cars), expected("gr"), expected("", cars)]
    assert done == wanted


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_shows_tags_in_a_tooltip_as_text(tmp_path):
    """The mouse is over the first document; its text runs nothing."""
    html = make_html([HOSTILE, *TEXTS[1:]])
    done = in_browser(html, HOVER + END_OF_STEPS, tmp_path)
    assert done == {"text": HOSTILE, "elements": 0, "ran": None, "besides": True}


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("is_allowed", [False, True])
def test_page_cannot_connect(html, tmp_path, is_allowed):
    """The policy of the page forbids it; without the policy, requests arrive."""
    paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    policy = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert len(policy.findall(html)) == 1
    assert policy.search(html).start() < html.index("<script")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        steps = f"const ADDRESS = {address!r};" + CONNECT + END_OF_STEPS
        shown = policy.sub("", html) if is_allowed else html
        assert in_browser(shown, steps, tmp_path) == {}
    finally:
        server.shutdown()
        server.server_close()
    assert set(paths) == ({"/image", "/fetch", "/script"} if is_allowed else set())
