// Axes: from data to pixels, with round ticks.

export function log(low, high, start, end) {
  const slope = (end - start) / Math.log(high / low);
  const scale = (value) => start + slope * Math.log(value / low);
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const ticks = [];
  for (let decade = first; decade <= last; decade += 1) ticks.push(10 ** decade);
  return Object.assign(scale, { low, high, start, end, ticks });
}

export function linear(high, start, end) {
  const top = high > 0 ? high : 1;
  const scale = (value) => start + ((end - start) * value) / top;
  const step = [1, 2, 5, 10].map((m) => m * 10 ** Math.floor(Math.log10(top / 4)))
    .find((each) => top / each <= 6);
  const ticks = [];
  for (let i = 0; i * step <= top * 1.0001; i += 1) ticks.push(i * step);
  return Object.assign(scale, { low: 0, high: top, start, end, ticks });
}

/** Label places moved apart until they are `gap` from each other, in the order of `wanted`. */
export function spaced(wanted, gap, low, high) {
  const order = wanted.map((at, i) => [at, i]).sort((a, b) => a[0] - b[0]);
  const places = [];
  let least = low;
  for (const [at, i] of order) {
    places[i] = Math.max(at, least);
    least = places[i] + gap;
  }
  let most = high;
  for (const [, i] of order.reverse()) {
    places[i] = Math.min(places[i], most);
    most = places[i] - gap;
  }
  return places;
}
