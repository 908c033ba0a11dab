"use strict";
// The viewer of one clip: two views with a divider, values, slices, points. It asks /look/TOKEN.

const base = "/look/" + document.body.dataset.token;
const at = (id) => document.getElementById(id);
const state = { clip: null, frame: 0, row: null, kept: false, playing: null, mouse: null };

async function ask(path, options) {
  const answer = await fetch(base + path, options);
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error || told.detail || answer.statusText);
}

function say(text) { at("message").textContent = text; }
const tell = (error) => { if (error.name !== "AbortError") say(error.message); };

// One question of a kind at a time: a later one takes the place of an earlier one.
const asked = {};
function latest(kind, delay, job) {
  if (asked[kind]) { clearTimeout(asked[kind].timer); asked[kind].control.abort(); }
  const control = new AbortController();
  const timer = setTimeout(() => job(control.signal).catch(tell), delay);
  asked[kind] = { control, timer };
}

function fill(select, views, wanted) {
  const before = views.includes(select.value) ? select.value : wanted;
  select.replaceChildren(...views.map((view) => new Option(view, view)));
  select.value = views.includes(before) ? before : views[0];
}

async function load() {
  const clip = await (await ask("/clip.json")).json();
  const first = state.clip === null;
  const changed = first || clip.made !== state.clip.made || clip.done !== state.clip.done;
  const news = first || clip.views.join() !== state.clip.views.join();
  state.clip = clip;
  say(clip.about);
  if (clip.views.length === 0) { say("Nothing to show yet."); return; }
  at("viewer").hidden = false;
  at("frame").max = clip.names.length - 1;
  if (news) {
    const chosen = clip.views.includes("prediction");
    if (chosen && !state.chosen) { at("left").value = at("right").value = ""; state.chosen = true; }
    fill(at("left"), clip.views, clip.views.includes("LR depth") ? "LR depth" : clip.views[0]);
    fill(at("right"), clip.views, chosen ? "prediction" : clip.views[clip.views.length - 1]);
  }
  at("stage").style.aspectRatio = clip.size[1] + " / " + clip.size[0];
  if (changed) { drawBars(); show(); }
}

function show() {
  const { clip } = state;
  state.frame = Number(at("frame").value);
  at("name").value = `${clip.names[state.frame]} (${state.frame + 1} of ${clip.names.length})`;
  for (const side of ["left", "right"]) {
    const view = at(side).value;
    at("image-" + side).src = `${base}/picture/${state.frame}/${encodeURIComponent(view)}?made=${clip.made}`;
    at("tag-" + side).textContent = view;
  }
  split();
  const name = clip.names[state.frame];
  at("download").href = base + "/result.zip";
  at("download-frame").href = `${base}/file/${encodeURIComponent(name + clip.suffix)}`;
  at("download-points").href = `${base}/points/${state.frame}.ply`;
  at("download-frame").download = name + clip.suffix;
  at("download-points").download = `${name}.ply`;
  for (const id of ["download", "download-frame", "download-points", "show-points"])
    at(id).hidden = id === "download" ? clip.made === 0 : state.frame >= clip.made;
  if (state.mouse) askValues(...state.mouse);
  if (state.row !== null) askSlices();
}

for (const side of ["left", "right"]) {
  at("image-" + side).addEventListener("error", () => {
    const view = at(side).value;
    ask(`/picture/${state.frame}/${encodeURIComponent(view)}`).catch(tell);
  });
}

function split() {
  const share = at("split").value / 10;
  at("image-right").style.clipPath = `inset(0 0 0 ${share}%)`;
  at("divider").style.left = `calc(${share}% - 1px)`;
}

function drawBars() {
  const { clip } = state;
  paint(at("depth-bar"), turbo);
  at("depth-range").textContent = `depth ${clip.limits_m[0].toFixed(3)} to ${clip.limits_m[1].toFixed(3)} m`;
  const errors = clip.error_limit_m !== null;
  at("error-bar").style.display = at("error-range").style.display = errors ? "" : "none";
  if (!errors) return;
  paint(at("error-bar"), inferno);
  at("error-range").textContent = `errors 0 to ${clip.error_limit_m.toFixed(3)} m and more`;
}

const turbo = ["#7a0403", "#d23105", "#fb8022", "#e1dd37", "#a4fc3c", "#32f298", "#1bcfd5", "#4777ef", "#30123b"];
const inferno = ["#000004", "#280b54", "#65156e", "#9f2a63", "#d44842", "#f57d15", "#fac127", "#fcffa4"];
function paint(canvas, colours) {
  const brush = canvas.getContext("2d");
  const ramp = brush.createLinearGradient(0, 0, canvas.width, 0);
  colours.forEach((colour, k) => ramp.addColorStop(k / (colours.length - 1), colour));
  brush.fillStyle = ramp;
  brush.fillRect(0, 0, canvas.width, canvas.height);
}

function metres(view, value) {
  if (value === null) return view.includes("error") ? "unknown" : "no depth";
  return Array.isArray(value) ? value.join(" ") : value.toFixed(4) + " m";
}

function askValues(x, y) {
  latest("values", 15, async (signal) => {
    const values = await (await ask(`/values/${state.frame}/${x}/${y}`, { signal })).json();
    at("pixel").textContent = `x ${x}, y ${y}`;
    at("values").tBodies[0].replaceChildren(...Object.entries(values).map(([view, value]) => {
      const line = document.createElement("tr");
      line.dataset.view = view;
      for (const text of [view, metres(view, value)]) line.insertCell().textContent = text;
      return line;
    }));
  });
}

function askSlices() {
  at("row-number").textContent = state.row;
  at("row").style.top = `${100 * (state.row + 0.5) / state.clip.size[0]}%`;
  latest("slices", 120, async (signal) => {
    const views = [...new Set([at("left").value, at("right").value])];
    const lines = await Promise.all(views.map(async (view) => {
      const path = `/slice/${state.frame}/${state.row}/${encodeURIComponent(view)}`;
      const answer = await ask(path, { signal });
      return slice(view, await answer.blob(), answer.headers.get("X-First-Frame"));
    }));
    for (const image of at("slices").querySelectorAll("img")) URL.revokeObjectURL(image.src);
    at("slices").replaceChildren(...lines);
  });
}

function slice(view, blob, first) {
  const line = document.createElement("div");
  line.className = "slice";
  line.dataset.view = view;
  const label = document.createElement("span");
  label.textContent = `${view}, from frame ${first}`;
  const image = document.createElement("img");
  image.alt = `row over time, ${view}`;
  image.src = URL.createObjectURL(blob);
  line.append(label, image);
  return line;
}

function pixel(event) {
  const box = at("stage").getBoundingClientRect();
  const [height, width] = state.clip.size;
  const along = (value, start, length, count) =>
    Math.min(count - 1, Math.max(0, Math.floor((value - start) / length * count)));
  return [along(event.clientX, box.left, box.width, width), along(event.clientY, box.top, box.height, height)];
}

function toSplit(event) {
  const box = at("stage").getBoundingClientRect();
  at("split").value = Math.round(1000 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  split();
}

at("divider").addEventListener("pointerdown", (event) => {
  at("divider").setPointerCapture(event.pointerId);
  event.preventDefault();
});
at("divider").addEventListener("pointermove", (event) => {
  if (at("divider").hasPointerCapture(event.pointerId)) toSplit(event);
});
at("stage").addEventListener("mousemove", (event) => {
  state.mouse = pixel(event);
  askValues(...state.mouse);
  if (!state.kept) { state.row = state.mouse[1]; askSlices(); }
});
at("stage").addEventListener("click", (event) => {
  if (event.target === at("divider")) return;
  state.kept = !state.kept || pixel(event)[1] !== state.row;
  state.row = pixel(event)[1];
  askSlices();
});
at("split").addEventListener("input", split);
for (const id of ["left", "right", "frame"]) at(id).addEventListener("input", show);

function play() {
  if (state.playing) { clearInterval(state.playing); state.playing = null; at("play").textContent = "Play"; return; }
  at("play").textContent = "Pause";
  state.playing = setInterval(() => {
    if (!at("image-left").complete || !at("image-right").complete) return;
    const last = Math.max(state.clip.made, state.clip.done ? state.clip.names.length : 0) || state.clip.names.length;
    at("frame").value = (state.frame + 1) % last;
    show();
  }, 100);
}
at("play").addEventListener("click", play);
at("show-points").addEventListener("click", async () => {
  try {
    const answer = await ask(`/points/${state.frame}.ply`);
    at("points").hidden = false;
    const count = showPoints(at("points"), await answer.arrayBuffer());
    at("points-about").textContent = `${count} points of frame ${state.clip.names[state.frame]}`;
  } catch (error) { at("points-about").textContent = error.message; }
});

async function follow() {
  await load().catch(tell);
  const waiting = !state.clip || !state.clip.done;
  setTimeout(follow, waiting ? 1000 : 5000);
}
follow();
