// The log-log roofline: the chosen chip's roof under the sliders, other chips beside it, and the
// phases of one or two runs where they stand.

import { figure, phaseClass, s, title } from "./dom.js";
import { log, spaced } from "./scales.js";
import * as units from "./units.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [760, 500, 86, 118, 34, 46];

/** `shown`: [{run, place, roof, phases: [{phase, intensity, rate, before}]}]; `others`: roofs.
    Rates are FLOP/s of one chip; a roof is {name, peak, bandwidth}. */
export function roofline(shown, others) {
  const points = shown.flatMap((each) => each.phases).filter((p) => p.intensity > 0 && p.rate > 0);
  if (!points.length) return null;
  const chosen = shown.map((each) => each.roof).filter((roof) => roof !== null);
  const [x, y] = axes(points, [...chosen, ...chosen.map((roof) => roof.before), ...others]);
  const parts = [...grid(x, y)];
  others.forEach((roof) => parts.push(line(roof, x, y, "roof")));
  chosen.slice(0, 1).forEach((roof) => {
    const moved = roof.peak !== roof.before.peak || roof.bandwidth !== roof.before.bandwidth;
    if (moved) parts.push(line(roof.before, x, y, "roof before"));
    parts.push(line(roof, x, y, "roof chosen"), ridge(roof, x, y));
  });
  parts.push(...names([...chosen.slice(0, 1), ...others], x, y));
  parts.push(...guides(shown[0].phases.filter((p) => p.intensity > 0), x, y));
  const marks = shown.map((each, i) => each.phases
    .filter((p) => p.intensity > 0 && p.rate > 0).map((p) => point(each, p, i, x, y)));
  parts.push(...marks.reverse().flat()); // the first run's last: its marks are the smaller
  return figure(WIDTH, HEIGHT, said(shown), ...parts);
}

function axes(points, roofs) {
  const at = points.map((p) => p.intensity);
  const rates = points.flatMap((p) => [p.rate, p.before]);
  const low = Math.min(...at) / 4;
  const high = Math.max(...at, ...roofs.map((r) => r.peak / r.bandwidth)) * 3;
  const least = Math.min(...rates, ...roofs.map((r) => Math.min(...at) * r.bandwidth)) / 3;
  const most = Math.max(...rates, ...roofs.map((r) => r.peak)) * 2;
  return [log(low, high, LEFT, WIDTH - RIGHT), log(least, most, HEIGHT - BOTTOM, TOP)];
}

function grid(x, y) {
  const across = x.ticks.flatMap((value) => [
    s("line", { x1: x(value), x2: x(value), y1: y.start, y2: y.end, class: "grid" }),
    s("text", { x: x(value), y: y.start + 17, class: "tick", "text-anchor": "middle" },
      units.intensity(value).replace(/\.0+$/, "")),
  ]);
  const up = y.ticks.flatMap((value) => [
    s("line", { x1: x.start, x2: x.end, y1: y(value), y2: y(value), class: "grid" }),
    s("text", { x: x.start - 8, y: y(value) + 4, class: "tick", "text-anchor": "end" },
      units.tick(units.flopRate(value))),
  ]);
  const middle = (x.start + x.end) / 2;
  return [
    ...across, ...up,
    s("line", { x1: x.start, x2: x.end, y1: y.start, y2: y.start, class: "axis" }),
    s("text", { x: middle, y: HEIGHT - 8, class: "axis-label", "text-anchor": "middle" },
      "FLOP per byte of HBM"),
    s("text", { x: 0, y: 12, class: "axis-label" }, "FLOP/s of a chip"),
  ];
}

function line(roof, x, y, class_) {
  const start = Math.max(x.low, y.low / roof.bandwidth);
  const corners = [[start, start * roof.bandwidth], [roof.peak / roof.bandwidth, roof.peak],
    [x.high, roof.peak]].filter(([at]) => at >= start && at <= x.high);
  const d = corners.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ");
  return s("polyline", { points: d, class: class_ },
    title(`${roof.name}: ${units.flopRate(roof.peak)}, ${units.bandwidth(roof.bandwidth)}`));
}

function ridge(roof, x, y) {
  const at = roof.peak / roof.bandwidth;
  return s("g", {},
    s("circle", { cx: x(at), cy: y(roof.peak), r: 3, class: "ridge" }),
    s("text", { x: x(at), y: y(roof.peak) - 9, class: "halo", "text-anchor": "middle" },
      `ridge ${units.intensity(at)}`));
}

function names(roofs, x, y) {
  const places = spaced(roofs.map((roof) => y(roof.peak)), 15, TOP, y.start);
  return roofs.flatMap((roof, i) => [
    s("line", { x1: x.end, x2: x.end + 9, y1: y(roof.peak), y2: places[i], class: "leader" }),
    s("text", { x: x.end + 12, y: places[i] + 4, class: roof.before ? "strong" : "soft" },
      roof.name),
  ]);
}

function guides(phases, x, y) {
  const rows = [];
  return [...phases].sort((a, b) => a.intensity - b.intensity).flatMap((p) => {
    const label = `${p.phase} ${units.intensity(p.intensity)}`;
    const [start, end] = [x(p.intensity) + 4, x(p.intensity) + 14 + label.length * 6.4];
    let row = rows.findIndex((used) => used < start);
    if (row < 0) row = rows.push(0) - 1;
    rows[row] = end;
    const height = y.start - 8 - row * 15;
    return [
      s("line", { x1: x(p.intensity), x2: x(p.intensity), y1: y.start, y2: y.end,
        class: `guide ${phaseClass(p.phase)}` }),
      s("text", { x: start, y: height, class: `halo strong ink ${phaseClass(p.phase)}` }, label),
    ];
  });
}

function point(each, p, index, x, y) {
  const [at, height, old] = [x(p.intensity), y(p.rate), y(p.before)];
  const words = `${p.phase} of ${each.run} on ${each.place}: ${units.intensity(p.intensity)} `
    + `FLOP/B, ${units.flopRate(p.rate)} a chip`;
  const mark = index === 0
    ? s("circle", { cx: at, cy: height, r: 6, class: "point" }, title(words))
    : s("rect", { x: at - 7, y: height - 7, width: 14, height: 14, class: "point second" },
      title(words));
  const moved = Math.abs(height - old) > 2;
  return s("g", { class: phaseClass(p.phase), "data-phase": p.phase, "data-run": index },
    moved ? s("line", { x1: at, x2: at, y1: old, y2: height, class: "trail" }) : null,
    moved ? s("circle", { cx: at, cy: old, r: 4, class: "ghost" }) : null, mark);
}

function said(shown) {
  return "Roofline. " + shown.map((each) => each.phases.map((p) =>
    `${p.phase} of ${each.run} at ${units.intensity(p.intensity)} FLOP per byte and `
    + `${units.flopRate(p.rate)} a chip`).join("; ")).join(". ");
}
