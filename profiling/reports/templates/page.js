// Charts: drawn from the specification beside each, in the colours of the reader's system.
const turned = (value) => {
  if (Array.isArray(value)) return value.map(turned);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, turned(v)]));
  return typeof value === "string" && value in darkOf ? darkOf[value] : value;
};
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

async function drawChart(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const plot = figure.querySelector(".plot");
  figure.view?.finalize();
  const embedded = await vegaEmbed(plot, prefersDark.matches ? turned(spec) : spec, {
    renderer: "svg",
    actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
    downloadFileName: figure.id.replace("chart-", ""),
    i18n: { SVG_ACTION: "Save as SVG", PNG_ACTION: "Save as PNG" },
    tooltip: { theme: prefersDark.matches ? "dark" : "custom" },
  });
  figure.view = embedded.view;
  figure.classList.add("live");
}

async function drawCharts() {
  if (!window.vegaEmbed) return;
  for (const figure of document.querySelectorAll("figure.chart")) await drawChart(figure);
  document.documentElement.dataset.charts = "drawn";
}
prefersDark.addEventListener("change", drawCharts);
document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
drawCharts();

// Tables: a click on a heading sorts by it, a total stays last.
for (const button of document.querySelectorAll("table.sortable thead button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th"), table = button.closest("table");
    const index = [...heading.parentNode.children].indexOf(heading);
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0], rows = [...body.rows];
    const key = (row) => row.children[index].dataset.key;
    const compare = (a, b) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      const difference = Number(a) - Number(b);
      const order = Number.isNaN(difference) ? a.localeCompare(b) : difference;
      return up ? order : -order;
    };
    rows.sort((a, b) => a.classList.contains("total") - b.classList.contains("total")
      || compare(key(a), key(b)));
    body.append(...rows);
  });
}

// Wide tables: a shade at the edge where there is more to see.
const shade = (box) => {
  box.classList.toggle("more", box.scrollWidth - box.clientWidth - box.scrollLeft > 2);
};
const boxes = document.querySelectorAll(".scroll, .scroll-x");
for (const box of boxes) box.addEventListener("scroll", () => shade(box), { passive: true });
const shadeAll = () => boxes.forEach(shade);
addEventListener("resize", shadeAll);
shadeAll();
