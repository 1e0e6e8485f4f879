// Human units as in the reports (profiling/render/units.py): three significant digits, SI prefixes.

const PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z"];
const SMALL_TIMES = [[1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

export function significant(value, digits = 3) {
  if (value === 0 || !Number.isFinite(value)) return value.toFixed(0);
  const rounded = Number(value.toExponential(digits - 1));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toLocaleString("en-US", {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  });
}

export function prefixed(value, unit) {
  let scaled = Number(value.toExponential(2));
  let index = 0;
  while (Math.abs(scaled) >= 1000 && index < PREFIXES.length - 1) {
    scaled /= 1000;
    index += 1;
  }
  const whole = index === 0 && Number.isInteger(scaled);
  return `${whole ? scaled.toFixed(0) : significant(scaled)} ${PREFIXES[index]}${unit}`.trimEnd();
}

export const bandwidth = (value) => prefixed(value, "B/s");
export const flopRate = (value) => prefixed(value, "FLOP/s");
export const count = (value) => Math.round(value).toLocaleString("en-US");

export function seconds(value) {
  const rounded = Number(value.toExponential(2));
  if (rounded >= 3600) return `${significant(value / 3600)} h`;
  if (rounded >= 600) return `${significant(value / 60)} min`;
  if (rounded >= 1 || rounded <= 0) return `${significant(value)} s`;
  for (const [scale, unit] of SMALL_TIMES) {
    if (rounded >= scale) return `${significant(value / scale)} ${unit}`;
  }
  return `${value.toExponential(1)} s`;
}

export function intensity(value) {
  return value >= 0.095 && value < 0.9995 ? value.toFixed(2) : significant(value);
}

export function share(value) {
  const percent = 100 * value;
  if (percent === 0) return "0 %";
  if (Math.abs(percent) < 0.1) return "<0.1 %";
  return `${percent.toFixed(Math.abs(percent) < 9.95 ? 1 : 0)} %`;
}

export const ratio = (value) =>
  `${value >= 0.1 && value < 9.995 ? value.toFixed(2) : significant(value)}×`;

/** '1 GB' for '1.00 GB', as an axis writes round numbers. */
export const tick = (text) => text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, "");

/** '696 to 729 ms' where both ends have one unit, '940 ms to 1.02 s' where not. */
export function span(low, high) {
  const [number, unit] = low.split(/ (?=[^ ]*$)/);
  return high.endsWith(` ${unit}`) ? `${number} to ${high}` : `${low} to ${high}`;
}
