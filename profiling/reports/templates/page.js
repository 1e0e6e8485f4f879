// What a report does: `root` is the document, or the element that holds it in a notebook;
// `darkOf` turns the light colours of the charts' specifications into dark ones; `signal` ends it.
function rooflinkReport(root, darkOf, signal) {
  const host = root.documentElement ?? root;
  const turned = (value) => {
    if (Array.isArray(value)) return value.map(turned);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, turned(v)]));
    return typeof value === "string" && value in darkOf ? darkOf[value] : value;
  };
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const scheme = getComputedStyle(host).colorScheme;
    return scheme === "dark" || (scheme !== "light" && prefersDark.matches);
  };
  signal?.addEventListener("abort", () => figures.forEach((figure) => figure.view?.finalize()));
  const figures = [...root.querySelectorAll("figure.chart")];
  const specOf = (figure) => JSON.parse(figure.querySelector("script").textContent);

  // Charts: drawn from the specification beside each; without a script the still picture stays.
  async function drawChart(figure) {
    const spec = specOf(figure), plot = figure.querySelector(".plot"), dark = isDark();
    figure.classList.add("live");
    for (const panel of spec.vconcat ?? [])  // as wide as there is room
      panel.width = Math.max(200, plot.clientWidth - spec.usermeta.beside);
    figure.view?.finalize();
    const embedded = await vegaEmbed(plot, dark ? turned(spec) : spec, {
      renderer: "svg",
      actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
      downloadFileName: figure.id.replace("chart-", ""),
      i18n: { SVG_ACTION: "Save as SVG", PNG_ACTION: "Save as PNG" },
      tooltip: { theme: dark ? "dark" : "custom" },
    });
    figure.view = embedded.view;
  }
  async function drawCharts() {
    if (!window.vegaEmbed) return;
    for (const figure of figures) await drawChart(figure);
    host.dataset.charts = "drawn";
  }
  prefersDark.addEventListener("change", drawCharts, { signal });

  // Tables: above each a filter where there are many rows, a copy of what is seen, and the raw
  // figures as CSV; both take the rows that are shown, in the order that they have.
  const made = (name, properties, ...inside) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  };
  const shown = (table) => [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const asText = (table) => [[...table.tHead.rows[0].cells], ...shown(table).map((row) => [...row.cells])]
    .map((row) => row.map((cell) => cell.textContent.trim().replace(/\s+/g, " ")).join("\t")).join("\n");
  const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const asCsv = (table) => {
    const heads = [...table.tHead.rows[0].cells], rows = shown(table);
    const ends = heads.map((_, i) => rows.some((row) => "low" in row.cells[i].dataset));
    const line = (of) => heads.flatMap((head, i) =>
      ends[i] ? [of(i, "key"), of(i, "low"), of(i, "high")] : [of(i, "key")]).map(quoted).join(",");
    return [line((i, end) => heads[i].dataset[end === "key" ? "name" : end]), ...rows.map((row) => line((i, end) => row.cells[i].dataset[end] ?? ""))]
      .join("\r\n");
  };
  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // a page that may not: an old browser, a frame
      const area = made("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  const save = (table) => {
    const link = made("a", {
      href: URL.createObjectURL(new Blob([asCsv(table)], { type: "text/csv" })),
      download: `${table.id.replace("table-", "")}.csv`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const filter = (table, text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const read = row.textContent.toLowerCase();
      row.hidden = !row.classList.contains("total") && !words.every((word) => read.includes(word));
    }
  };
  for (const table of root.querySelectorAll("table.sortable")) {
    const box = table.closest(".scroll"), name = table.caption?.textContent.trim() ?? "table";
    const button = (label, says, does) => {
      const one = made("button", { type: "button", textContent: label, onclick: () => does(one) });
      one.setAttribute("aria-label", `${says}: ${name}`);
      return one;
    };
    const tools = made("div", { className: "tools" }, made("span", {
      className: "hint", textContent: "scroll for more columns \u2192", hidden: true }));
    if (table.tBodies[0].rows.length > 7) {
      const field = made("input", { type: "search", placeholder: "filter rows",
        oninput: () => filter(table, field.value) });
      field.setAttribute("aria-label", `filter rows: ${name}`);
      tools.append(field);
    }
    tools.append(button("Copy", "copy", (one) => copy(asText(table), one)),
      button("CSV", "download as CSV", () => save(table)));
    box.before(tools);
  }

  // Wide tables: a shade at the edge where there is more to see.
  const boxes = root.querySelectorAll(".scroll, .scroll-x");
  const shade = (box) => {
    const more = box.scrollWidth - box.clientWidth - box.scrollLeft > 2;
    box.classList.toggle("more", more);
    box.previousElementSibling?.querySelector?.(".hint")?.toggleAttribute("hidden", !more);
  };
  for (const box of boxes) box.addEventListener("scroll", () => shade(box), { passive: true });
  let later;
  addEventListener("resize", () => {
    boxes.forEach(shade);
    clearTimeout(later);
    later = setTimeout(() => {
      for (const figure of figures) if (window.vegaEmbed && specOf(figure).vconcat) drawChart(figure);
    }, 200);
  }, { signal });
  root.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
  boxes.forEach(shade);

  // Tables: a click on a heading sorts by it, a total stays last.
  const sortBy = (heading) => {
    const index = [...heading.parentNode.children].indexOf(heading);
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = heading.closest("table").tBodies[0], rows = [...body.rows];
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
  };
  for (const button of root.querySelectorAll("table.sortable thead button"))
    button.addEventListener("click", () => sortBy(button.closest("th")));

  return drawCharts();
}
