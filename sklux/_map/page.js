// The points of a map and its panel: search, colours, the text of a point and its nearest
// documents. Bokeh moves and zooms the map, and draws the names of the clusters and the
// marks. The points are drawn here, as pixels: Bokeh takes seconds for 200,000.
"use strict";

(() => {
  const MAX_HITS = 50;
  const SHOWN_CHARACTERS = 110;
  // Opacity of points that were not found, as a share of the usual opacity.
  const FADED = 0.1;
  // While the map moves, or somebody types, so many of the points are drawn as this time
  // allows, in milliseconds. All are drawn when nothing has happened for so long.
  const BUDGET = 8;
  const REST = 200;
  // Pixels from a point within which it is pointed at.
  const REACH = 5;
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

  // A canvas whose pixels are numbers: 255, blue, green and red, from the highest byte.
  class Raster {
    constructor(canvas) {
      this.canvas = canvas;
      this.context = canvas.getContext("2d");
    }

    /** Begin a picture of this size in CSS pixels. */
    begin({ left, top, width, height }, diameter) {
      const ratio = Math.min(window.devicePixelRatio, 2);
      const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (this.canvas.width !== columns || this.canvas.height !== rows) {
        Object.assign(this.canvas, { width: columns, height: rows });
        this.image = null;
      }
      const place = { left, top, width, height };
      for (const [name, pixels] of Object.entries(place)) {
        this.canvas.style[name] = `${pixels}px`;
      }
      this.image ??= this.context.createImageData(columns, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.pixels.fill(0xffffffff);
      this.ratio = ratio;
      this.disc = disc((diameter * ratio) / 2, columns);
    }

    /** Draw discs at each so many places. `scale` maps positions to CSS pixels. */
    discs(places, { xs, ys, scale, colors, opacity, step = 1 }) {
      const { pixels, ratio } = this;
      const { width, height } = this.canvas;
      const { reach, offsets, weights } = this.disc;
      const [x0, xFactor, y0, yFactor] = scale.map((number) => number * ratio);
      const parts = weights.map((weight) => Math.round(256 * weight * opacity));
      for (let number = 0; number < places.length; number += step) {
        const place = places[number];
        const x = Math.floor(x0 + xFactor * xs[place]);
        const y = Math.floor(y0 + yFactor * ys[place]);
        if (x < reach || y < reach || x >= width - reach || y >= height - reach) {
          continue;
        }
        const color = colors[place];
        // Red and blue are mixed at once: there is a free byte above each.
        const redBlue = color & 0xff00ff;
        const green = color & 0xff00;
        const at = y * width + x;
        for (let i = 0; i < offsets.length; i += 1) {
          const below = pixels[at + offsets[i]];
          const [part, rest] = [parts[i], 256 - parts[i]];
          const mixed = Math.imul(redBlue, part) + Math.imul(below & 0xff00ff, rest);
          const mixedGreen = Math.imul(green, part) + Math.imul(below & 0xff00, rest);
          pixels[at + offsets[i]] =
            0xff000000 | ((mixed >>> 8) & 0xff00ff) | ((mixedGreen >>> 8) & 0xff00);
        }
      }
    }

    end() {
      this.context.putImageData(this.image, 0, 0);
    }
  }

  // Pixels of a disc, from its middle, and how much of each lies within it.
  function disc(radius, width) {
    const reach = Math.ceil(radius);
    const offsets = [];
    const weights = [];
    for (let y = -reach; y <= reach; y += 1) {
      for (let x = -reach; x <= reach; x += 1) {
        const weight = Math.min(1, radius + 0.5 - Math.hypot(x, y));
        if (weight > 0) {
          offsets.push(y * width + x);
          weights.push(weight);
        }
      }
    }
    return { reach, offsets, weights };
  }

  function start(plot) {
    const model = (name) => plot.document.get_model_by_name(name);
    const view = window.Bokeh.index.get(plot);
    const positions = numbers(Float32Array, data.positions);
    const xs = positions.filter((_, at) => at % 2 === 0);
    const ys = positions.filter((_, at) => at % 2 === 1);
    const all = Uint32Array.from(xs.keys());
    const found = new Uint32Array(xs.length).fill(pixel(data.found));
    let colors = found;
    let class_ = -1; // the class of the legend that is pressed
    let column = columns[0];
    let matches = null; // documents that are found

    // Bokeh draws marks on top of the points.
    function mark(name, places) {
      model(name).data_source.data = {
        x: Float32Array.from(places, (place) => xs[place]),
        y: Float32Array.from(places, (place) => ys[place]),
      };
    }

    // Where the points lie, in CSS pixels of the map.
    function frame() {
      const map = element("map").getBoundingClientRect();
      const plotted = view.canvas_view.events_el.getBoundingClientRect();
      const { left, top, width, height } = view.frame.bbox;
      const [x, y] = [plotted.left - map.left, plotted.top - map.top];
      return { left: left + x, top: top + y, width, height };
    }

    // The pixel of a position is x0 + x xFactor, y0 + y yFactor within the frame.
    function scaleOf({ width, height }) {
      const { x_range, y_range } = plot;
      const xFactor = width / (x_range.end - x_range.start);
      const yFactor = -height / (y_range.end - y_range.start);
      return [-x_range.start * xFactor, xFactor, -y_range.end * yFactor, yFactor];
    }

    const raster = new Raster(element("points"));
    let duration = 0; // of a picture of all points, in milliseconds
    const mostLeftOut = xs.length / data.least;
    let resting = null;
    function draw(isMoving) {
      clearTimeout(resting);
      const box = frame();
      const share = isMoving ? Math.min(duration / BUDGET, mostLeftOut) : 1;
      const step = Math.max(1, Math.ceil(share));
      const begin = performance.now();
      raster.begin(box, data.size);
      const shared = { xs, ys, scale: scaleOf(box), step };
      const opacity = data.alpha * (matches === null ? 1 : FADED);
      raster.discs(all, { ...shared, colors, opacity });
      if (matches !== null) {
        raster.discs(matches, { ...shared, colors: found, opacity: 1 });
      }
      raster.end();
      duration = (performance.now() - begin) * step;
      if (step > 1) {
        resting = setTimeout(() => draw(false), REST);
      }
    }

    // The point at a place of the window: -1 if there is none, null outside the map.
    function pointAt({ clientX, clientY }) {
      const map = element("map").getBoundingClientRect();
      const box = frame();
      const [left, top] = [clientX - map.left - box.left, clientY - map.top - box.top];
      if (left < 0 || top < 0 || left > box.width || top > box.height) {
        return null;
      }
      const [x0, xFactor, y0, yFactor] = scaleOf(box);
      let [nearest, least] = [-1, (data.size / 2 + REACH) ** 2];
      for (let place = 0; place < xs.length; place += 1) {
        const x = x0 + xFactor * xs[place] - left;
        const y = y0 + yFactor * ys[place] - top;
        const square = x * x + y * y;
        if (square < least) {
          [nearest, least] = [place, square];
        }
      }
      return nearest;
    }

    // The beginning of a text beside the mouse.
    const tip = element("tip");
    let isPointing = false;
    function point(event) {
      isPointing = false;
      const place = event.buttons === 0 ? pointAt(event) : null;
      tip.hidden = place === null || place < 0;
      if (tip.hidden) {
        return;
      }
      tip.textContent = snippet(place);
      const map = element("map").getBoundingClientRect();
      const left = Math.min(event.clientX - map.left + 14, map.width - tip.offsetWidth);
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${event.clientY - map.top + 14}px`;
    }
    let pressed = null;
    const map = element("map");
    map.addEventListener("pointermove", (event) => {
      if (!isPointing) {
        isPointing = true;
        requestAnimationFrame(() => point(event));
      }
    });
    map.addEventListener("pointerleave", () => {
      tip.hidden = true;
    });
    map.addEventListener("pointerdown", (event) => {
      pressed = event;
      tip.hidden = true;
    });
    map.addEventListener("pointerup", (event) => {
      const [x, y] = [event.clientX - pressed?.clientX, event.clientY - pressed?.clientY];
      pressed = null;
      // A mouse that has moved has dragged the map.
      const place = Math.hypot(x, y) < REACH ? pointAt(event) : null;
      if (place !== null) {
        show(place, false);
      }
    });

    // A search for more letters looks among the documents that the search before found.
    let last = { text: "", class_: -1, column, places: null };
    function matching() {
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
      const { places, isSearch } = matching();
      matches = isSearch || class_ >= 0 ? places : null;
      draw(true);
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
      const palette = column.colors.map(pixel);
      const missing = pixel(data.missing);
      colors = Uint32Array.from(column.codes, (code) =>
        code < 0 ? missing : palette[code],
      );
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

    // Names that do not cover the name of a larger cluster. They depend on the zoom.
    const names = model("names");
    const widths = widthsOf(names.data_source.data.text);
    let shown = [];
    function placeNames() {
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
      if (alpha.every((value, at) => value === shown[at])) {
        return;
      }
      shown = alpha;
      const background = alpha.map((value) => 0.72 * value);
      names.data_source.data = { ...names.data_source.data, alpha, background };
    }
    let isPlanned = false;
    function plan() {
      if (!isPlanned) {
        isPlanned = true;
        requestAnimationFrame(() => {
          isPlanned = false;
          draw(true);
          placeNames();
        });
      }
    }
    for (const range of [plot.x_range, plot.y_range]) {
      range.properties.start.change.connect(plan);
      range.properties.end.change.connect(plan);
    }
    plot.properties.inner_width.change.connect(plan);
    plot.properties.inner_height.change.connect(plan);

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

  // A colour #rrggbb as a pixel.
  function pixel(color) {
    const [red, green, blue] = [1, 3, 5].map((at) =>
      Number.parseInt(color.slice(at, at + 2), 16),
    );
    return ((blue << 16) | (green << 8) | red | 0xff000000) >>> 0;
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
