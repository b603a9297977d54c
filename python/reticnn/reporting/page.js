// The page is complete without this: it makes tables sortable, shows the values under
// the pointer, and filters the images by cell of the confusion matrix.
"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.onclick = () => {
      const before = head.getAttribute("aria-sort");
      // People look for the largest number, but for the first name.
      const falling = before === null
        ? head.classList.contains("number") : before === "ascending";
      const key = (row) => {
        const { value } = row.cells[column].dataset;
        if (value === undefined) return row.cells[column].textContent;
        return value === "nan" ? -Infinity : Number(value);
      };
      const order = (a, b) => typeof a === "string" ? a.localeCompare(b) : a - b;
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (falling ? -1 : 1) * order(key(a), key(b)));
      table.tBodies[0].append(...rows);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    };
  });
}

for (const reading of document.querySelectorAll(".reading")) {
  const title = reading.querySelector("title");
  const text = title.textContent;
  const output = reading.closest("figure").querySelector("output");
  title.remove();
  reading.onpointerenter = () => { output.textContent = text; };
}

const gallery = document.getElementById("gallery");
const cells = [...document.querySelectorAll("td[data-cell]")];
if (cells.length > 0) {
  const names = [...document.querySelectorAll(".confusion tbody th")];
  const bar = document.createElement("div");
  const said = document.createElement("span");
  const all = document.createElement("button");
  bar.className = "filter";
  bar.hidden = true;
  bar.setAttribute("role", "status");
  all.textContent = "Show all images";
  all.onclick = () => show(null);
  bar.append(said, all);
  gallery.before(bar);

  const show = (chosen) => {
    const place = chosen && chosen.dataset.cell;
    const seen = new Set();
    for (const figure of gallery.querySelectorAll("figure")) {
      const { src } = figure.querySelector("img");
      // An image can be both confident and typical; here it is shown only once.
      figure.hidden = chosen !== null &&
        (figure.dataset.cell !== place || seen.has(src));
      if (!figure.hidden) seen.add(src);
    }
    for (const grid of gallery.querySelectorAll(".pictures")) {
      grid.parentElement.hidden = chosen !== null &&
        !grid.querySelector("figure:not([hidden])");
    }
    for (const cell of cells) {
      cell.firstElementChild.setAttribute("aria-pressed", cell === chosen);
    }
    bar.hidden = chosen === null;
    if (chosen === null) return;
    const [row, column] = place.split("-").map((index) => names[index].textContent);
    const count = chosen.firstElementChild.firstChild.textContent;
    said.textContent = `${seen.size} of the ${count} images of ${row} ` +
      (row === column ? "predicted correctly" : `mistaken for ${column}`);
    document.getElementById("images").scrollIntoView();
  };

  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "Click a cell to see its images.";
  document.querySelector(".confusion").closest(".scroll").before(hint);

  for (const cell of cells) {
    const button = document.createElement("button");
    button.title = "Show the images of this cell";
    button.append(...cell.childNodes);
    button.onclick = () => {
      show(button.getAttribute("aria-pressed") === "true" ? null : cell);
    };
    cell.append(button);
  }
}
