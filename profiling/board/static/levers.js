// What buys time: resources ranked by elasticity, and each phase's time by the resource it waits on.

import { figure, h, s, title } from "./dom.js";
import { NAMES, RESOURCES, elasticities, grown, time, wholeElasticities } from "./terms.js";
import * as units from "./units.js";

const SAID = {
  compute: "FLOP/s", memory: "HBM bandwidth", on_chip: "on-chip bandwidth",
  links: "link bandwidth", overhead: "overhead",
};
const WORTH_A_LINE = 0.005;

/** `phases`: [{phase, terms}] in order. Returns [ranking, shares by phase]. */
export function levers(phases) {
  return [ranking(phases.map((p) => p.terms)), shares(phases)];
}

function ranking(terms) {
  const found = wholeElasticities(terms);
  const now = terms.reduce((total, each) => total + time(each), 0);
  const ranked = RESOURCES.filter((each) => found[each] > WORTH_A_LINE)
    .sort((a, b) => found[b] - found[a]);
  return h("ol", { class: "ranking" }, ...ranked.map((resource) => {
    const then = terms.reduce((total, each) => total + time(grown(each, { [resource]: 2 })), 0);
    const saved = units.share(1 - then / now);
    const gain = resource === "overhead" ? `half of it saves ${saved}` : `twice as much saves ${saved}`;
    return h("li", { class: `res-${resource}`, "data-resource": resource,
      "data-elasticity": found[resource] },
    h("span", { class: "lever" }, SAID[resource]),
    h("span", { class: "meter", "aria-hidden": "true" },
      h("span", { style: `width:${(100 * found[resource]).toFixed(2)}%` })),
    h("strong", {}, found[resource].toFixed(2)), h("span", { class: "soft" }, gain));
  }));
}

const [WIDTH, LEFT, BAR, ROW] = [540, 70, 16, 24];

function shares(phases) {
  const rows = phases.filter((p) => time(p.terms) > 0);
  const parts = rows.flatMap((p, i) => {
    const found = elasticities(p.terms);
    let start = 0;
    return [
      s("text", { x: 0, y: i * ROW + 12 }, p.phase),
      ...RESOURCES.filter((each) => found[each] > 0).map((resource) => {
        const from = LEFT + start * (WIDTH - LEFT);
        start += found[resource];
        return s("rect", { x: from, y: i * ROW, height: BAR, class: `res-${resource}`, rx: 1.5,
          width: Math.max(found[resource] * (WIDTH - LEFT) - 1, 0.5) },
        title(`${p.phase}: ${NAMES[resource]} ${units.share(found[resource])}`));
      }),
    ];
  });
  const said = rows.map((p) => `${p.phase}: ${Object.entries(elasticities(p.terms))
    .filter(([, each]) => each > 0)
    .map(([name, each]) => `${NAMES[name]} ${units.share(each)}`).join(", ")}`).join(". ");
  return figure(WIDTH, rows.length * ROW, `Share of each phase's time by resource. ${said}`, ...parts);
}
