// What a phase's time is made of: the same formula as profiling/predicted/phase_terms.py, which explains it.
// `terms` = {compute_s, memory_s, on_chip_s, links_s, overhead_s, power (null: roofline)}.

export const RESOURCES = ["compute", "memory", "on_chip", "links", "overhead"];
const OVERLAPPED = RESOURCES.slice(0, -1);
export const NAMES = {
  compute: "compute", memory: "memory", on_chip: "on-chip", links: "links", overhead: "overhead",
};

const term = (terms, resource) => terms[`${resource}_s`];
const longest = (terms, resources) =>
  resources.reduce((best, each) => (term(terms, each) > term(terms, best) ? each : best));
const sum = (values) => values.reduce((total, each) => total + each, 0);

function powers(terms) {
  const most = term(terms, longest(terms, OVERLAPPED));
  return OVERLAPPED.map((each) => (term(terms, each) / most) ** terms.power);
}

function core(terms) {
  const most = term(terms, longest(terms, OVERLAPPED));
  if (most <= 0 || terms.power === null) return most;
  return most * sum(powers(terms)) ** (1 / terms.power);
}

/** Seconds of the phase. */
export const time = (terms) => core(terms) + terms.overhead_s;

/** The longest term's name, the first of equals; null for a phase that takes no time. */
export function bound(terms) {
  const most = longest(terms, RESOURCES);
  return term(terms, most) > 0 ? NAMES[most] : null;
}

/** The terms where each resource in `factors` is so many times as fast. */
export function grown(terms, factors) {
  const changed = { ...terms };
  for (const [resource, by] of Object.entries(factors)) changed[`${resource}_s`] /= by;
  return changed;
}

/** Share of the time that each resource holds: 1 % more of it takes so many per cent off. */
export function elasticities(terms) {
  const shares = Object.fromEntries(RESOURCES.map((each) => [each, 0]));
  const whole = time(terms);
  if (whole <= 0) return shares;
  const overlapped = core(terms) / whole;
  if (overlapped <= 0 || terms.power === null) {
    shares[longest(terms, OVERLAPPED)] = overlapped;
  } else {
    const found = powers(terms);
    const all = sum(found);
    OVERLAPPED.forEach((each, i) => { shares[each] = (found[i] / all) * overlapped; });
  }
  shares.overhead = terms.overhead_s / whole;
  return shares;
}

/** Those of phases one after another, weighted by their times. */
export function wholeElasticities(phases) {
  const whole = sum(phases.map(time));
  const found = phases.map((each) => [whole > 0 ? time(each) / whole : 0, elasticities(each)]);
  return Object.fromEntries(
    RESOURCES.map((name) => [name, sum(found.map(([weight, shares]) => weight * shares[name]))]));
}
