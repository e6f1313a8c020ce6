// The panel of a map: search, colours, the text of a point and its nearest documents.
// Bokeh draws the points, and moves and zooms them.
"use strict";

(() => {
  const MAX_HITS = 50;
  const SHOWN_CHARACTERS = 110;
  // Milliseconds after the last move of the map until all points are drawn again.
  const REST = 200;
  const data = JSON.parse(document.getElementById("data").textContent);
  const texts = data.texts;
  const element = (id) => document.getElementById(id);

  // Little-endian numbers of a base64 text.
  function numbers(Type, text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Type(bytes.buffer);
  }
  const neighbors = numbers(Int32Array, data.neighbors);
  const cosines = numbers(Float32Array, data.cosines);
  const columns = data.columns.map((column) => ({
    ...column,
    codes: numbers(Int32Array, column.codes),
  }));

  function snippet(place) {
    const text = texts[place].replace(/\s+/g, " ").trim();
    const isLong = text.length > SHOWN_CHARACTERS;
    return isLong ? `${text.slice(0, SHOWN_CHARACTERS)}\u2026` : text;
  }
  // The tooltip of Bokeh calls it.
  window.sklux_snippet = snippet;

  function item(mark, text, act) {
    const button = document.createElement("button");
    const label = document.createElement("span");
    label.textContent = text;
    button.append(mark, label);
    button.addEventListener("click", act);
    const line = document.createElement("li");
    line.append(button);
    return line;
  }

  function number(text) {
    const mark = document.createElement("span");
    mark.className = "number";
    mark.textContent = text;
    return mark;
  }

  function chip(color) {
    const mark = document.createElement("span");
    mark.className = "chip";
    mark.style.background = color;
    return mark;
  }

  function start(plot) {
    const model = (name) => plot.document.get_model_by_name(name);
    const points = model("points");
    const source = points.data_source;
    const xs = source.data.x;
    const ys = source.data.y;
    let class_ = -1; // the class of the legend that is pressed
    let column = columns[0];

    // Points of a second layer, on top of all others. Bokeh draws these layers apart:
    // the points below are not drawn again.
    function mark(name, places) {
      model(name).data_source.data = positionsOf(evenly(places));
    }
    function positionsOf(places) {
      return {
        x: Float32Array.from(places, (place) => xs[place]),
        y: Float32Array.from(places, (place) => ys[place]),
      };
    }

    // As many of the places as are drawn quickly, from begin to end.
    function evenly(places) {
      const step = places.length / data.quick;
      if (step <= 1) {
        return places;
      }
      return Array.from({ length: data.quick }, (_, at) => places[Math.floor(at * step)]);
    }

    // A search for more letters looks among the documents that the search before found.
    let last = { text: "", class_: -1, column, places: null };
    function found() {
      const text = element("search").value.toLowerCase().trimStart();
      const words = text.split(/\s+/).filter(Boolean);
      const isNarrower =
        last.class_ === class_ && last.column === column && text.startsWith(last.text);
      const places = (isNarrower ? last.places : null) ?? texts.keys();
      const isHit = (place) =>
        (class_ < 0 || column.codes[place] === class_) &&
        words.every((word) => lower(place).includes(word));
      last = { text, class_, column, places: Array.from(places).filter(isHit) };
      return { places: last.places, isSearch: words.length > 0 };
    }

    function search() {
      const { places, isSearch } = found();
      const isChosen = isSearch || class_ >= 0;
      mark("matches", isChosen ? places : []);
      model("veil").visible = isChosen;
      element("results").hidden = !isSearch;
      const noun = places.length === 1 ? "document" : "documents";
      element("found").textContent = `${places.length.toLocaleString("en")} ${noun}`;
      const hits = places.slice(0, isSearch ? MAX_HITS : 0);
      element("hits").replaceChildren(
        ...hits.map((place) => item("", snippet(place), () => show(place, true))),
      );
    }
    const lowered = [];
    function lower(place) {
      lowered[place] ??= texts[place].toLowerCase();
      return lowered[place];
    }

    function show(place, isCentred) {
      element("document").hidden = place < 0;
      mark("chosen", place < 0 ? [] : [place]);
      if (place < 0) {
        mark("neighbors", []);
        return;
      }
      element("number").textContent = place.toLocaleString("en");
      element("text").textContent = texts[place];
      element("values").replaceChildren(
        ...columns.flatMap((one) => {
          const term = document.createElement("dt");
          term.textContent = one.name;
          const value = document.createElement("dd");
          value.textContent = shownValue(one, place);
          return [term, value];
        }),
      );
      const near = neighborsOf(place);
      mark("neighbors", near.map(([other]) => other));
      element("neighbors").replaceChildren(
        ...near.map(([other, cosine]) =>
          item(number(cosine.toFixed(2)), snippet(other), () => show(other, true)),
        ),
      );
      if (isCentred) {
        centre(place);
      }
    }

    function neighborsOf(place) {
      const { width } = data;
      return Array.from({ length: width }, (_, rank) => place * width + rank).map((at) => [
        neighbors[at],
        cosines[at],
      ]);
    }

    function shownValue(one, place) {
      const code = one.codes[place];
      return code < 0 ? "missing" : one.values[code];
    }

    // Move the map if the point is not on it.
    function centre(place) {
      for (const [range, at] of [
        [plot.x_range, xs[place]],
        [plot.y_range, ys[place]],
      ]) {
        const half = (range.end - range.start) / 2;
        if (at < range.start || at > range.end) {
          range.setv({ start: at - half, end: at + half });
        }
      }
    }

    function paint() {
      const palette = Uint32Array.from(column.colors, (color) => packed(color));
      const missing = packed(data.missing);
      const rgba = Uint32Array.from(column.codes, (code) =>
        code < 0 ? missing : palette[code],
      );
      source.data = { ...source.data, color: rgba };
      if (sample !== null) {
        const color = Uint32Array.from(sampled, (place) => rgba[place]);
        sample.data_source.data = { ...positionsOf(sampled), color };
      }
      legend();
    }

    function legend() {
      element("legend-title").textContent = column.name;
      const parts = column.is_scale ? scale() : classes();
      element("colors").replaceChildren(...parts);
    }

    function scale() {
      const bar = document.createElement("div");
      bar.className = "scale";
      bar.style.background = `linear-gradient(to right, ${column.gradient.join(", ")})`;
      const ends = document.createElement("div");
      ends.className = "ends number";
      ends.append(number(column.ends[0]), number(column.ends[1]));
      return [bar, ends];
    }

    function classes() {
      return column.legend.map((code) => {
        const text = `${column.values[code]} (${column.counts[code].toLocaleString("en")})`;
        const line = item(chip(column.colors[code]), text, () => {
          class_ = class_ === code ? -1 : code;
          legend();
          search();
        });
        line.firstChild.setAttribute("aria-pressed", String(class_ === code));
        return line;
      });
    }

    // While a large map moves, a sample of its points is drawn. Then all are.
    const sample = model("sample");
    const sampled = sample === null ? [] : evenly(texts.map((_, place) => place));
    let resting = null;
    function move() {
      clearTimeout(resting);
      resting = setTimeout(() => showAll(true), REST);
      if (points.visible && visiblePoints() > data.quick) {
        showAll(false);
      }
    }
    function showAll(isAll) {
      points.visible = isAll;
      sample.visible = !isAll;
    }
    // Number of points in sight, from the number of the sample's points in sight.
    function visiblePoints() {
      const { x_range, y_range } = plot;
      const isVisible = (place) =>
        x_range.start <= xs[place] &&
        xs[place] <= x_range.end &&
        y_range.start <= ys[place] &&
        ys[place] <= y_range.end;
      const n = sampled.filter(isVisible).length;
      return (n * texts.length) / sampled.length;
    }

    // Names that do not cover the name of a larger cluster. They depend on the zoom.
    const names = model("names");
    const widths = widthsOf(names.data_source.data.text);
    let isPlanned = false;
    function placeNames() {
      isPlanned = false;
      const { x, y } = names.data_source.data;
      const perX = plot.inner_width / (plot.x_range.end - plot.x_range.start);
      const perY = plot.inner_height / (plot.y_range.end - plot.y_range.start);
      const taken = [];
      const alpha = widths.map((width, at) => {
        const half = width / 2 + 6;
        const box = [x[at] * perX - half, y[at] * perY - 11, 2 * half, 22];
        const isFree = taken.every(
          (other) =>
            box[0] > other[0] + other[2] ||
            other[0] > box[0] + box[2] ||
            Math.abs(box[1] - other[1]) > 22,
        );
        if (isFree) {
          taken.push(box);
        }
        return isFree ? 1 : 0;
      });
      const background = alpha.map((value) => 0.72 * value);
      names.data_source.data = { ...names.data_source.data, alpha, background };
    }
    function plan() {
      if (!isPlanned) {
        isPlanned = true;
        requestAnimationFrame(placeNames);
      }
    }
    const acts = sample === null ? [plan] : [plan, move];
    for (const range of [plot.x_range, plot.y_range]) {
      for (const act of acts) {
        range.properties.start.change.connect(act);
        range.properties.end.change.connect(act);
      }
    }
    plot.properties.inner_width.change.connect(plan);
    plot.properties.inner_height.change.connect(plan);

    source.selected.properties.indices.change.connect(() => {
      const { indices } = source.selected;
      show(indices.length > 0 ? indices[0] : -1, false);
    });
    element("search").addEventListener("input", search);
    for (const [at, one] of columns.entries()) {
      element("color").append(new Option(one.name, at));
    }
    element("color-choice").hidden = columns.length < 2;
    element("color").addEventListener("change", (event) => {
      column = columns[event.target.value];
      class_ = -1;
      paint();
      search();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        show(-1, false);
      }
    });
    element("count").textContent = `${texts.length.toLocaleString("en")} documents`;
    paint();
    plan();
    document.body.dataset.ready = "true";
  }

  // Widths of the names in pixels.
  function widthsOf(names) {
    const context = document.createElement("canvas").getContext("2d");
    context.font = "bold 13px sans-serif";
    return Array.from(names, (name) => context.measureText(name).width);
  }

  // A colour #rrggbb as Bokeh packs it: the byte of red is the highest.
  function packed(color) {
    return ((Number.parseInt(color.slice(1), 16) << 8) | 0xff) >>> 0;
  }

  // Bokeh draws the plot a little after the page is read.
  function wait() {
    const plot = window.Bokeh?.documents[0]?.get_model_by_name("map");
    if (plot?.document && plot.inner_width > 0) {
      start(plot);
    } else {
      setTimeout(wait, 30);
    }
  }
  wait();
})();
