// The controls: native inputs, each with a label. They are made anew only where their choices
// change, and the focus stays where it was.

import { h } from "./dom.js";
import * as units from "./units.js";

const OCTAVES = 4; // a slider goes from a sixteenth to sixteen times
const SLIDERS = [
  ["memory", "HBM bandwidth", (place) => place.hbm_bandwidth, units.bandwidth],
  ["compute", "Peak FLOP/s", (place) => place.peak_flops, units.flopRate],
  ["on_chip", "On-chip bandwidth", () => null, null],
  ["links", "Links between chips", () => null, null],
  ["overhead", "Overhead, divided by", () => null, null],
];

/** A choice of runs. */
export function runChoice(id, label, runs, chosen, none, change) {
  const options = none === null ? runs : ["", ...runs];
  return h("label", { class: "choice", for: id }, h("span", {}, label),
    h("select", { id, onchange: (event) => change(event.target.value) },
      ...options.map((name) => h("option", { value: name, selected: name === chosen },
        name || none))));
}

/** One of a few, as pills. `choices`: [[value, label, disabled]]. */
export function pills(name, legend, choices, chosen, change) {
  return h("fieldset", {}, h("legend", {}, legend), ...choices.map(([value, label, disabled]) =>
    h("label", { class: "pill" },
      h("input", { type: "radio", name, id: `${name}-${value}`, value, disabled,
        checked: value === chosen, onchange: () => change(value) }), label)));
}

/** Any of many, as pills. */
export function checks(name, legend, choices, chosen, change) {
  return h("fieldset", {}, h("legend", {}, legend), ...choices.map((value) =>
    h("label", { class: "pill" },
      h("input", { type: "checkbox", name, id: `${name}-${value}`, value,
        checked: chosen.has(value), onchange: (event) => change(value, event.target.checked) }),
      value)));
}

/** Sliders of the resources that the place's terms know, on a log scale; moves call `change`. */
export function sliders(place, factors, change) {
  const known = SLIDERS.filter(([resource]) => resource === "memory" || resource === "compute"
    || place.phases.some((p) => p.terms[`${resource}_s`] > 0));
  const rows = known.map(([resource, label, figure, unit]) => {
    const base = figure(place);
    const output = h("output", { for: `slider-${resource}` });
    const input = h("input", {
      type: "range", id: `slider-${resource}`, min: -OCTAVES, max: OCTAVES, step: 0.05,
      value: Math.log2(factors[resource]),
      oninput: () => { change(resource, 2 ** Number(input.value)); say(); },
    });
    const say = () => {
      const by = 2 ** Number(input.value);
      const words = base ? `${unit(base * by)} · ${units.ratio(by)}` : units.ratio(by);
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    };
    say();
    return h("div", { class: "slider" }, h("label", { for: `slider-${resource}` }, label), output,
      input);
  });
  return h("div", { class: "sliders" }, ...rows);
}

/** Put `children` into `parent` and give the focus back to the input that had it. */
export function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.id : "";
  parent.replaceChildren(...children.flat().filter((child) => child !== null));
  if (focused) document.getElementById(focused)?.focus();
}
