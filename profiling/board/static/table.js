// The figures in words: each phase before and after the sliders, of one run or of two.

import { h, phaseClass } from "./dom.js";
import { bound, time } from "./terms.js";
import * as units from "./units.js";

const COLUMNS = [
  ["tokens", (p) => units.count(p.tokens)],
  ["FLOP/B", (p) => units.intensity(p.intensity)],
  ["bound", boundCell],
  ["before", (p) => units.seconds(time(p.before)), "soft"],
  ["80 % interval", (p) => p.interval && units.span(...p.interval.map(units.seconds)), "soft"],
  ["time", (p) => units.seconds(time(p.terms)), "strong"],
  ["measured", (p) => (p.measured_s === null ? "–" : units.seconds(p.measured_s)), "soft"],
];
const SUMS = {
  tokens: [(p) => p.tokens, units.count],
  before: [(p) => time(p.before), units.seconds],
  time: [(p) => time(p.terms), units.seconds],
  measured: [(p) => p.measured_s, units.seconds],
};

/** `shown`: one or two of {run, phases: [{phase, tokens, intensity, before, interval, terms,
    measured_s}]}; `before` are the terms that no slider has touched. */
export function table(shown) {
  const phases = shown.flatMap((each) => each.phases);
  const columns = COLUMNS.filter(([name]) => (name !== "measured" || phases.some(measured))
    && (name !== "80 % interval" || phases.some((p) => p.interval)));
  const compared = shown.length > 1;
  const last = (tag, attributes, ...children) =>
    (compared ? h(tag, { class: "split", ...attributes }, ...children) : null);
  const names = [...new Set(phases.map((p) => p.phase))];
  return h("table", {},
    h("caption", { class: "unseen" }, "Phases, before and after the sliders"),
    h("thead", {}, compared ? h("tr", { class: "runs" }, h("td"), ...shown.map((each, i) => h("th",
      { scope: "colgroup", colspan: columns.length, class: split(i) }, each.run)), h("td")) : null,
    h("tr", {}, h("th", { scope: "col" }, "phase"), ...shown.flatMap((_, i) => columns.map(
      ([name], at) => h("th", { scope: "col", class: at ? null : split(i) }, name))),
    last("th", { scope: "col" }, "B / A"))),
    h("tbody", {}, ...names.map((name) => row(name, shown, columns, last)),
      total(shown, columns, last)));
}

const measured = (p) => p.measured_s !== null;
const split = (index) => (index ? "split" : null);

function row(name, shown, columns, last) {
  const found = shown.map((each) => each.phases.find((p) => p.phase === name));
  const ratio = quotient(found.map((p) => (p ? time(p.terms) : null)));
  return h("tr", {},
    h("th", { scope: "row" }, h("span", { class: `dot ${phaseClass(name)}` }), name),
    ...found.flatMap((p, i) => (p ? columns.map(([column, write, look], at) => h("td", {
      class: at ? look : split(i), "data-run": i, "data-phase": name,
      "data-bound": column === "bound" ? bound(p.terms) ?? "none" : null,
      "data-time": column === "time" ? time(p.terms) : null,
    }, write(p))) : [h("td", { class: split(i), colspan: columns.length }, "no such phase")])),
    last("td", { "data-ratio": ratio }, written(ratio)));
}

function boundCell(p) {
  const [name, old] = [bound(p.terms) ?? "none", bound(p.before) ?? "none"];
  return old === name ? name : [h("span", { class: "soft" }, `${old} → `), name];
}

function total(shown, columns, last) {
  const sum = (run, column) => run.phases.reduce((all, p) => all + SUMS[column][0](p), 0);
  const ratio = quotient(shown.map((run) => sum(run, "time")));
  return h("tr", { class: "total" }, h("th", { scope: "row" }, "all"),
    ...shown.flatMap((run, i) => columns.map(([column, , look], at) => {
      const known = column in SUMS && (column !== "measured" || run.phases.every(measured));
      return h("td", {
        class: at ? look : split(i), "data-run": i, "data-phase": "all",
        "data-time": column === "time" ? sum(run, column) : null,
      }, known ? SUMS[column][1](sum(run, column)) : null);
    })), last("td", { "data-ratio": ratio }, written(ratio)));
}

const quotient = ([a, b]) => (a && b !== null && b !== undefined ? b / a : null);
const written = (value) => (value === null ? "–" : units.ratio(value));
