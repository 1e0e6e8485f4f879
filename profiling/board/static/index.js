// The rooflink tab. TensorBoard calls render() in a page of the tab's own.

import { checks, pills, replace, runChoice, sliders } from "./controls.js";
import { h } from "./dom.js";
import {
  headline, key, leverPanel, rooflinePanel, tablePanel, timePanel,
} from "./panels.js";
import { State, UNTOUCHED, read } from "./state.js";
import { followTheme } from "./theme.js";

const place = Object.fromEntries(
  ["runs", "problems", "headline", "controls", "roofline", "time", "levers", "table"]
    .map((name) => [name, h("div", { id: name })]));
place.headline.setAttribute("role", "status");
let state = null;

export async function render() {
  document.documentElement.lang = "en";
  document.title = "rooflink";
  document.head.append(h("link", { rel: "stylesheet", href: "./static/board.css" }),
    h("link", { rel: "icon", href: "data:," }), // alone, a page would ask for one that is not there
    h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }));
  followTheme();
  document.body.append(h("main", {}, h("h1", { class: "unseen" }, "rooflink"), place.runs,
    place.problems, place.headline, h("div", { class: "bench" }, place.roofline, place.controls),
    h("div", { class: "two" }, place.time, place.levers), place.table));
  await load();
}

/** Read the list of runs again and keep what was chosen, where it still is. */
async function load() {
  await attempt(async () => {
    const kept = state;
    state = new State(await read("./runs"));
    if (kept) {
      const { basis, place: at, chip, beside, factors } = kept;
      Object.assign(state, { basis, place: at, chip, beside, factors });
    }
    const { runs } = state.listed;
    for (const index of [0, 1]) {
      const before = kept?.runs[index]?.run;
      const name = runs.includes(before) ? before : index ? "" : runs[0] ?? "";
      await state.choose(index, name);
    }
  });
}

/** Do it and draw; a failure becomes its sentence. */
async function attempt(work) {
  try {
    await work();
    draw();
  } catch (error) {
    replace(place.problems, h("p", { role: "alert" }, `Cannot read the runs: ${error.message}`));
  }
}

function draw() {
  drawRuns();
  drawProblems();
  drawControls();
  drawFigures();
}

function drawRuns() {
  const { runs } = state.listed;
  const choose = (index) => (name) => attempt(() => state.choose(index, name));
  const named = (index) => state.runs[index]?.run ?? "";
  replace(place.runs,
    runs.length ? runChoice("run-a", "Run", runs, named(0), null, choose(0)) : null,
    runs.length > 1 ? runChoice("run-b", "beside", runs, named(1), "no other", choose(1)) : null,
    about(state.runs[0]),
    h("button", { type: "button", id: "reload", onclick: load }, "Load runs again"));
}

function about(run) {
  if (!run) return h("span", { class: "soft" });
  const { prompts, attempts, strategy, think_budget: budget, sampling } = run.workload;
  const asked = strategy ? `by ${strategy}` : `× ${attempts} attempts`;
  const right = run.outcome?.accuracy;
  const accuracy = typeof right === "number" ? ` · ${(100 * right).toFixed(0)} % correct` : "";
  return h("span", { class: "soft about" }, `${run.model} · ${run.dtype} · ${prompts} prompts `
    + `${asked} · think ≤ ${budget} · ${sampling}${accuracy}`);
}

function drawProblems() {
  const { problems, runs, logdir } = state.listed;
  const none = runs.length ? null : h("p", { class: "note" },
    `No readable profile under ${logdir || "the log directory"}: `,
    h("code", {}, "rooflink profile --out DIR/NAME"), " makes one.");
  const words = `${problems.length} file${problems.length > 1 ? "s" : ""} cannot be shown whole`;
  const list = problems.length ? h("details", { open: problems.length < 3 },
    h("summary", {}, words), h("ul", {}, ...problems.map((each) =>
      h("li", {}, h("code", {}, each.file), ` ${each.sentence}`)))) : null;
  replace(place.problems, none, list);
}

function drawControls() {
  const run = state.runs[0];
  if (!run) return replace(place.controls);
  const places = state.places();
  const redraw = () => { drawControls(); drawFigures(); };
  const basis = pills("basis", "Times", [["predicted", "Predicted", !run.predicted.length],
    ["floor", "Floor at datasheet peak", !run.floor.length]], state.basis, (value) => {
    state.basis = value;
    state.settle();
    redraw();
  });
  const chosen = state.chosen();
  const where = pills("place", state.basis === "floor" ? "Chip" : "Slice",
    places.map((each) => [each.name, each.name, false]), state.place, (name) => {
      state.go(name);
      redraw();
    });
  const others = checks("beside", "Draw beside it",
    run.floor.map((each) => each.chip).filter((chip) => chip !== chosen?.chip), state.beside,
    (chip, on) => { state.beside[on ? "add" : "delete"](chip); drawFigures(); });
  return replace(place.controls, basis, where,
    chosen ? h("p", { class: "note" }, chosen.said) : null,
    chosen ? sliders(chosen, state.factors, (resource, by) => {
      state.factors[resource] = by;
      drawFigures();
    }) : null,
    chosen ? h("button", { type: "button", id: "untouch", onclick: () => {
      state.factors = { ...UNTOUCHED };
      redraw();
    } }, "Back to the datasheet") : null,
    others, ...run.unpredicted.map((sentence) => h("p", { class: "note" }, sentence)));
}

function drawFigures() {
  const shown = state.shown();
  const parts = [place.headline, place.roofline, place.time, place.levers, place.table];
  if (!shown.length || !state.chosen()) {
    parts.forEach((each) => replace(each));
    return;
  }
  const missing = state.runs[1] && shown.length < 2
    ? h("p", { class: "note" }, `${state.runs[1].run} has no figures on ${state.chip}.`) : null;
  replace(place.headline, h("p", {}, headline(state, shown)), missing);
  replace(place.roofline, rooflinePanel(state, shown), key(shown));
  replace(place.time, timePanel(state, shown));
  replace(place.levers, leverPanel(shown));
  replace(place.table, tablePanel(shown));
}
