"use strict";
// What moves on the page: charts, sorting, filters. Text of records is only ever set as text.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const specs = JSON.parse(document.getElementById("specs").textContent);

  function config() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const series = of("--series").split(",").map((one) => one.trim());
    const [ink, quiet, line] = [of("--ink"), of("--quiet"), of("--line")];
    const font = getComputedStyle(document.body).fontFamily;
    const labels = { labelColor: ink, titleColor: quiet, labelFontSize: 12, titleFontSize: 12,
      titleFontWeight: "normal" };
    return {
      background: "transparent",
      font,
      axis: { ...labels, gridColor: line, domainColor: quiet, tickColor: quiet,
        labelLimit: narrow.matches ? 150 : 360 },
      axisX: { labelOverlap: true, tickCount: narrow.matches ? 4 : 8 },
      legend: { ...labels, orient: "bottom", labelLimit: narrow.matches ? 240 : 420,
        columns: narrow.matches ? 1 : 3, symbolStrokeWidth: 2,
        symbolBaseFillColor: quiet, symbolBaseStrokeColor: quiet },
      view: { stroke: null },
      mark: { color: series[0] },
      rule: { color: quiet },
      tick: { color: series[1] },
      rect: { color: quiet },
      point: { color: series[0] },
      line: { color: series[0] },
      range: { category: series },
    };
  }

  async function draw(name) {
    const place = document.getElementById(name);
    // the interpreter instead of compiled expressions: the page's policy allows no eval
    const options = { renderer: "svg", actions: false, ast: true, config: config() };
    try {
      place.finished?.finalize();
      place.finished = await vegaEmbed(place, specs[name], options);
      place.dataset.drawn = dark.matches ? "dark" : "light";
    } catch (error) {
      place.textContent = "This chart could not be drawn; its figures are in the table.";
      console.error(error);
    }
  }

  let latest = 0;

  // a chart in a folded part has no width: it is drawn when the part is opened
  function isDue(place, again) {
    if (place.closest("details:not([open])")) {
      delete place.dataset.drawn;
      return false;
    }
    return again || place.dataset.drawn === undefined;
  }

  async function drawAll(again) {
    const mine = ++latest;
    for (const name of Object.keys(specs)) {
      if (mine !== latest) return;
      if (isDue(document.getElementById(name), again)) await draw(name);
    }
    document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
  }

  function order(cell) {
    return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
  }

  function compare(one, two) {
    const [left, right] = [order(one), order(two)];
    if (left !== null && right !== null) return left - right;
    return one.textContent.localeCompare(two.textContent, undefined, { numeric: true });
  }

  function sort(table, column, heads) {
    const head = heads[column];
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = table.tBodies[0];
    const empty = (row) => row.cells[column].textContent === "";
    const rows = [...body.rows].sort((one, two) => {
      // what there is not stands last, whichever way it is sorted
      if (empty(one) !== empty(two)) return empty(one) ? 1 : -1;
      const found = compare(one.cells[column], two.cells[column]);
      return rising ? found : -found;
    });
    body.append(...rows);
  }

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, column, heads));
      head.replaceChildren(button);
    });
  }

  function makeFilter(input) {
    const rows = [...document.getElementById(input.dataset.table).tBodies[0].rows];
    const told = input.parentElement.querySelector("output");
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        count += row.hidden ? 0 : 1;
      }
      told.textContent = words.length ? `${count} of ${rows.length} rows` : "";
    };
    input.addEventListener("input", filter);
    input.parentElement.hidden = false;
    filter();
  }

  function openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    let opened = false;
    for (let one = target; one; one = one.parentElement) {
      if (one instanceof HTMLDetailsElement && !one.open) opened = one.open = true;
    }
    if (opened) target.scrollIntoView();
  }

  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.querySelectorAll(".filter input").forEach(makeFilter);
  addEventListener("hashchange", openTarget);
  openTarget();
  // a link to where the page already is changes no hash
  document.querySelectorAll("nav a").forEach((one) => one.addEventListener("click", () => setTimeout(openTarget)));
  document.querySelector("details.rest")?.addEventListener("toggle", () => drawAll(false));
  dark.addEventListener("change", () => drawAll(true));
  narrow.addEventListener("change", () => drawAll(true));
  drawAll(true);
})();
