// The drawings of what is chosen.

import { h, phaseClass } from "./dom.js";
import { levers } from "./levers.js";
import { roofline } from "./roofline.js";
import { total } from "./state.js";
import { table } from "./table.js";
import { bound, time } from "./terms.js";
import { thoughtCurve, timeline } from "./timeline.js";
import * as units from "./units.js";

/** What the figures come to, in a sentence or two. */
export function headline(state, shown) {
  const [a, b] = shown;
  const [now, before] = [total(a.phases), total(a.phases, (p) => p.before)];
  const most = a.phases.reduce((best, p) => (time(p.terms) > time(best.terms) ? p : best));
  const was = state.moved ? `, ${units.seconds(before)} before the sliders` : "";
  const kind = state.basis === "floor" ? "at least " : "about ";
  const words = [`${a.run} takes ${kind}${units.seconds(now)} on ${state.place}${was}. `];
  if (now > 0) {
    words.push(`${units.share(time(most.terms) / now)} of it is ${most.phase}, bound by `
      + `${bound(most.terms)}.`);
  }
  if (b && now > 0) {
    const elsewhere = b.place.name === a.place.name ? "" : ` on ${b.place.name}`;
    words.push(` ${b.run} takes ${units.seconds(total(b.phases))}${elsewhere}, `
      + `${units.ratio(total(b.phases) / now)} of that.`);
  }
  return words.join("");
}

export function rooflinePanel(state, shown) {
  const rated = shown.map((each) => ({
    run: each.run,
    place: each.place.name,
    roof: state.roof(each.place),
    phases: each.phases.map((p) => ({
      phase: p.phase,
      intensity: p.intensity,
      rate: rate(p, p.terms, each.place),
      before: rate(p, p.before, each.place),
    })),
  }));
  const chip = state.chosen().chip;
  const others = state.runs[0].floor
    .filter((place) => state.beside.has(place.chip) && place.chip !== chip)
    .map((place) => ({ name: place.chip, peak: place.peak_flops, bandwidth: place.hbm_bandwidth }));
  return panel("Roofline", state.basis === "floor"
    ? "each phase at the most its chip's datasheet allows"
    : "each phase at its predicted rate, under its chip's datasheet",
  roofline(rated, others) ?? h("p", { class: "note" }, "No phase does any work to draw."));
}

const rate = (p, terms, place) => (time(terms) > 0 ? p.flops / time(terms) / place.chips : 0);

export function timePanel(state, shown) {
  const rows = shown.flatMap((each) => {
    const row = (label, of, faint) => ({
      label, faint, phases: each.phases.map((p) => ({ phase: p.phase, time_s: time(of(p)) })),
    });
    const now = row(each.run, (p) => p.terms, false);
    return state.moved ? [row(`${each.run}, before`, (p) => p.before, true), now] : [now];
  });
  const curves = shown.map((each, i) => ({
    label: each.run, second: i > 0, points: stepTimes(each, state.roof(each.place)),
  }));
  const curve = thoughtCurve(curves);
  return panel("Phases over time", "", timeline(rows),
    ...(curve ? [h("h3", {}, "A step along the thought",
      h("span", { class: "soft" }, " at the datasheet's floor")), curve] : []));
}

function stepTimes(each, roof) {
  if (!roof) return [];
  const { chips } = each.place;
  return each.thought.map((point) => [point.tokens_thought, Math.max(
    point.flops / (chips * roof.peak), point.hbm_bytes / (chips * roof.bandwidth))]);
}

export function leverPanel(shown) {
  const several = shown.length > 1;
  return panel("What buys time", "elasticity: per cent off the time for 1 % more",
    ...shown.flatMap((each) => [
      several ? h("h3", {}, each.run) : null, ...levers(each.phases),
    ]));
}

export function tablePanel(shown) {
  const device = shown[0].device;
  const note = device ? `measured: on ${device}, where it ran` : "";
  return panel("Phase by phase", note, h("div", { class: "scroll", tabindex: 0, role: "region",
    "aria-label": "Phase by phase" }, table(shown)));
}

function panel(name, note, ...children) {
  return h("section", { "aria-label": name }, h("h2", {}, name,
    note ? h("span", { class: "soft" }, ` ${note}`) : null), ...children.filter(Boolean));
}

/** Which mark is which run, and which colour which phase. */
export function key(shown) {
  const phases = [...new Set(shown.flatMap((each) => each.phases.map((p) => p.phase)))];
  const marks = shown.length > 1
    ? shown.map((each, i) => h("span", {}, `${i ? "■" : "●"} ${each.run}`)) : [];
  return h("p", { class: "key" }, ...marks, ...phases.map((phase) =>
    h("span", {}, h("span", { class: `dot ${phaseClass(phase)}` }), phase)));
}
