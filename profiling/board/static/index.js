// The rooflink tab. TensorBoard calls render() in a page of the tab's own. What it shows is made by
// Python (board/view.py): a choice or a slider asks for it anew, and the answer is drawn by the
// reports' own script. Text of a profile comes as text, or as HTML that Python has escaped.

const OCTAVES = 4; // a slider goes from a sixteenth to sixteen times
const CHOICES = ["run", "other", "lens", "place"];
const state = { run: "", other: "", lens: "", place: "", beside: new Set(), factors: {} };
const at = (id) => document.getElementById(id);
let listed = { runs: [], problems: [], logdir: "" };
let drawnControls = "", asked = 0, drawing = false, shown = null, ended = new AbortController();

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

const script = (address) => new Promise((done, failed) => {
  document.head.append(h("script", { src: address, onload: done, onerror: failed }));
});

export async function render() {
  document.documentElement.lang = "en";
  document.title = "rooflink";
  document.head.append(h("link", { rel: "stylesheet", href: "./board.css" }),
    h("link", { rel: "icon", href: "data:," }), // alone, a page would ask for one that is not there
    h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }));
  followTheme();
  document.body.append(h("main", {}, h("h1", { class: "unseen" }, "rooflink"),
    h("div", { id: "runs" }), h("div", { id: "problems" }),
    h("p", { id: "headline", class: "headline", role: "status" }),
    h("div", { class: "bench" }, h("div", { id: "figures" }), h("div", { id: "controls" }))));
  await Promise.all([script("./vega.js"), script("./report.js")]);
  await load();
}

// Light or dark as TensorBoard is, which tells its plugins nothing: its page marks its body. Alone,
// as the browser asks for.
function followTheme() {
  const media = matchMedia("(prefers-color-scheme: dark)");
  let body = null;
  try {
    body = window.parent !== window ? window.parent.document.body : null;
  } catch { /* the page around is of another origin */ }
  const set = () => {
    const dark = body ? body.classList.contains("dark-mode") : media.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (shown) refresh();
  };
  set();
  media.addEventListener("change", set);
  if (body) new MutationObserver(set).observe(body, { attributeFilter: ["class"] });
}

async function read(address) {
  const answer = await fetch(address);
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.error ?? `TensorBoard answered ${answer.status}.`);
  return found;
}

/** Read the list of runs again and keep what was chosen, where it still is; else the newest. */
async function load() {
  try {
    listed = await read("./runs");
    if (!listed.runs.includes(state.run)) state.run = listed.runs[0] ?? "";
    if (!listed.runs.includes(state.other)) state.other = "";
    drawRuns("");
    drawProblems();
    if (state.run) await refresh();
    else clear();
  } catch (error) {
    complain(`Cannot read the runs: ${error.message}`);
  }
}

function complain(sentence) {
  at("problems").replaceChildren(h("p", { role: "alert" }, sentence));
}

function clear() {
  at("headline").textContent = "";
  at("figures").replaceChildren();
  at("controls").replaceChildren();
  drawnControls = "";
}

/** Ask for what is chosen and draw it; while one answer is drawn the next choice waits. */
async function refresh() {
  asked += 1;
  if (drawing) return;
  drawing = true;
  try {
    for (let done = 0; done < asked;) {
      done = asked;
      const query = new URLSearchParams(CHOICES.map((name) => [name, state[name]]));
      query.set("beside", [...state.beside].join("|"));
      for (const [name, by] of Object.entries(state.factors)) query.set(name, by);
      await draw(await read(`./view?${query}`));
    }
  } catch (error) {
    clear(); // the figures of another run
    complain(error.message);
  } finally {
    drawing = false;
  }
}

async function draw(answer) {
  Object.assign(state, { lens: answer.controls.lens, place: answer.controls.place });
  at("headline").textContent = answer.headline;
  if (at("problems").querySelector("[role=alert]")) drawProblems(); // of what could not be drawn
  drawRuns(answer.controls.about);
  drawControls(answer.controls);
  const next = h("div", { class: "next" }), before = ended;
  const { theme } = document.documentElement.dataset;
  next.innerHTML = answer.html; // escaped by Python, and innerHTML runs no script
  at("figures").append(next);
  ended = new AbortController();
  await rooflinkReport(next, rooflinkDarkOf, ended.signal);
  at("figures").replaceChildren(next);
  next.classList.remove("next");
  before.abort();
  shown = answer;
  document.documentElement.dataset.drawn = theme;
}

function drawRuns(about) {
  const choice = (id, label, names, chosen) => h("label", { class: "choice", for: id },
    h("span", {}, label), h("select", { id, onchange: (event) => choose(id, event.target.value) },
      ...names.map((name) => h("option", { value: name, selected: name === chosen },
        name || "no other"))));
  const { runs } = listed;
  replace(at("runs"),
    runs.length ? choice("run", "Run", runs, state.run) : null,
    runs.length > 1 ? choice("other", "beside", ["", ...runs], state.other) : null,
    h("span", { class: "note about" }, about),
    h("button", { type: "button", id: "reload", onclick: load }, "Reload runs"));
}

function choose(name, value) {
  state[name] = value;
  refresh();
}

function drawProblems() {
  const { problems, runs, logdir } = listed;
  const none = runs.length ? null : h("p", { class: "note" },
    `No readable profile under ${logdir || "the log directory"}: `,
    h("code", {}, "rooflink profile --out DIR/NAME"), " makes one.");
  const words = `${problems.length} file${problems.length > 1 ? "s" : ""} cannot be shown whole`;
  const list = problems.length ? h("details", { open: problems.length < 3 },
    h("summary", {}, words), h("ul", {}, ...problems.map((each) =>
      h("li", {}, h("code", {}, each.file), ` ${each.sentence}`)))) : null;
  at("problems").replaceChildren(...[none, list].filter((each) => each !== null));
}

/** Made anew only where the choices change: a slider keeps the hand that holds it. */
function drawControls(controls) {
  const key = JSON.stringify([controls.lens, controls.lenses, controls.place, controls.places,
    controls.roofs, controls.notes, controls.sliders.map((each) => each.resource)]);
  if (key !== drawnControls) {
    drawnControls = key;
    replace(at("controls"),
      pills("lens", "Times", controls.lenses, controls.lens),
      pills("place", "On", controls.places.map((name) => [name, name, true]), controls.place),
      ...controls.notes.map((note) => h("p", { class: "note" }, note)),
      ...controls.sliders.map(slider),
      h("button", { type: "button", id: "untouch", onclick: untouch }, "Back to the datasheet"),
      controls.roofs.length ? checks("Roofs beside it", controls.roofs) : null);
  }
  for (const { resource, text, factor } of controls.sliders) {
    at(`said-${resource}`).textContent = text;
    at(`slider-${resource}`).setAttribute("aria-valuetext", text);
    state.factors[resource] ??= factor;
  }
}

function slider({ resource, label, factor }) {
  const input = h("input", { type: "range", id: `slider-${resource}`, min: -OCTAVES, max: OCTAVES,
    step: 0.05, value: Math.log2(state.factors[resource] ?? factor),
    oninput: () => { state.factors[resource] = 2 ** Number(input.value); refresh(); } });
  return h("div", { class: "slider" }, h("label", { for: input.id }, label),
    h("output", { id: `said-${resource}`, for: input.id }), input);
}

function untouch() {
  state.factors = {};
  drawnControls = "";
  refresh();
}

/** One of a few, as pills. `choices`: [[value, label, enabled]]. */
function pills(name, legend, choices, chosen) {
  return h("fieldset", {}, h("legend", {}, legend), ...choices.map(([value, label, enabled]) =>
    h("label", { class: "pill" },
      h("input", { type: "radio", name, id: `${name}-${value}`, value, disabled: !enabled,
        checked: value === chosen, onchange: () => choose(name, value) }), label)));
}

/** Any of many, as pills. */
function checks(legend, values) {
  const toggle = (value) => (event) => {
    state.beside[event.target.checked ? "add" : "delete"](value);
    refresh();
  };
  return h("fieldset", {}, h("legend", {}, legend), ...values.map((value) =>
    h("label", { class: "pill" }, h("input", { type: "checkbox", id: `beside-${value}`, value,
      checked: state.beside.has(value), onchange: toggle(value) }), value)));
}

/** Put `children` into `parent` and give the focus back to the control that had it. */
function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.id : "";
  parent.replaceChildren(...children.flat().filter((child) => child !== null));
  if (focused) at(focused)?.focus();
}
