// Phases over time: each run's phases one after another, and the step's time along the thought.

import { figure, phaseClass, s, title } from "./dom.js";
import { linear } from "./scales.js";
import * as units from "./units.js";

const [WIDTH, LEFT, RIGHT] = [540, 0, 14];
const BAR = 30;

/** `rows`: [{label, faint, phases: [{phase, time_s}]}]. */
export function timeline(rows) {
  const whole = (row) => row.phases.reduce((total, p) => total + p.time_s, 0);
  const x = linear(Math.max(...rows.map(whole)), LEFT, WIDTH - RIGHT);
  let y = 0;
  const parts = rows.flatMap((row) => {
    const height = row.faint ? BAR / 3 : BAR;
    const drawn = [s("text", { x: LEFT, y: y + 13 }, row.label,
      s("tspan", { class: "soft" }, `  ${units.seconds(whole(row))}`)), bar(row, x, y + 20, height)];
    y += 20 + height + 14;
    return drawn;
  });
  parts.push(...axis(x, y));
  const said = rows.map((row) => `${row.label}: ${row.phases.map((p) =>
    `${p.phase} ${units.seconds(p.time_s)}`).join(", ")}`).join(". ");
  return figure(WIDTH, y + 22, `Phases over time. ${said}`, ...parts);
}

function bar(row, x, y, height) {
  let start = 0;
  return s("g", { class: row.faint ? "faint" : null }, ...row.phases.map((p) => {
    const [from, to] = [x(start), x(start + p.time_s)];
    start += p.time_s;
    const label = `${p.phase} ${units.seconds(p.time_s)}`;
    const fits = !row.faint && to - from > label.length * 6.6 + 12;
    return s("g", { class: phaseClass(p.phase), "data-phase": p.phase },
      s("rect", { x: from, y, width: Math.max(to - from - 1, 0.75), height, rx: 2 }, title(label)),
      fits ? s("text", { x: from + 8, y: y + height / 2 + 4, class: "inside" }, label) : null);
  }));
}

function axis(x, y) {
  return [
    s("line", { x1: x.start, x2: x.end, y1: y, y2: y, class: "axis" }),
    ...x.ticks.map((value, i) => s("text", { x: x(value), y: y + 16, class: "tick",
      "text-anchor": i === 0 ? "start" : x(value) > x.end - 20 ? "end" : "middle" }, units.tick(units.seconds(value)))),
  ];
}

/** `curves`: [{label, second, points: [[tokens thought, seconds]]}]. */
export function thoughtCurve(curves) {
  const known = curves.filter((curve) => curve.points.length > 1);
  if (!known.length) return null;
  const all = known.flatMap((curve) => curve.points);
  const [top, bottom, left] = [14, 150, 58];
  const x = linear(Math.max(...all.map(([at]) => at)), left, WIDTH - RIGHT);
  const y = linear(Math.max(...all.map(([, time]) => time)) * 1.08, bottom, top);
  const parts = y.ticks.flatMap((value) => [
    s("line", { x1: left, x2: x.end, y1: y(value), y2: y(value), class: "grid" }),
    s("text", { x: left - 8, y: y(value) + 4, class: "tick", "text-anchor": "end" },
      units.tick(units.seconds(value))),
  ]);
  parts.push(...x.ticks.map((value) => s("text", { x: x(value), y: bottom + 17, class: "tick",
    "text-anchor": "middle" }, units.count(value))));
  parts.push(s("text", { x: (left + x.end) / 2, y: bottom + 35, class: "axis-label",
    "text-anchor": "middle" }, "tokens thought"));
  parts.push(...known.map((curve) => s("polyline", {
    class: `curve phase-think${curve.second ? " second" : ""}`,
    points: curve.points.map(([at, t]) => `${x(at).toFixed(1)},${y(t).toFixed(1)}`).join(" "),
  }, title(curve.label))));
  const said = known.map((curve) => `${curve.label}: ${units.seconds(curve.points[0][1])} at first, `
    + `${units.seconds(curve.points.at(-1)[1])} at the end`).join(". ");
  return figure(WIDTH, bottom + 40, `Time of a step along the thought. ${said}`, ...parts);
}
