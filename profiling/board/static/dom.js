// Elements of HTML and SVG. Text is always a text node: nothing of a profile is read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const s = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A drawing that says in words what it shows. */
export function figure(width, height, said, ...children) {
  return s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said },
    ...children);
}

export const title = (text) => s("title", {}, text);

const KNOWN_PHASES = ["prefill", "think", "answer", "verify", "draft", "revise"];

/** The class that colours a phase. */
export const phaseClass = (phase) =>
  `phase-${KNOWN_PHASES.includes(phase) ? phase : "other"}`;
