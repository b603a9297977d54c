// The theme, the search, the list of headings and the copy buttons, without a network:
// pkgdown's own come from elsewhere, and a page that is opened as a file may fetch nothing.

(function () {
  "use strict";
  const root = document.documentElement;

  const kept = {
    get: () => { try { return localStorage.getItem("theme"); } catch (error) { return null; } },
    set: (theme) => { try { localStorage.setItem("theme", theme); } catch (error) { /* private */ } },
  };
  const wanted = new URLSearchParams(location.search).get("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = wanted || kept.get() || (dark ? "dark" : "light");

  // Paper is white.
  let onScreen = root.dataset.theme;
  window.addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => { root.dataset.theme = onScreen; });

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function themeButton() {
    const button = element("button", { type: "button", className: "site-button ms-lg-2" });
    const name = () => {
      const other = root.dataset.theme === "dark" ? "light" : "dark";
      button.textContent = other === "dark" ? "☾ Dark" : "☀ Light";
      button.setAttribute("aria-label", `Change to the ${other} theme`);
      return other;
    };
    button.addEventListener("click", () => {
      root.dataset.theme = name();
      kept.set(root.dataset.theme);
      name();
    });
    name();
    return button;
  }

  // Every word must begin a word of the page; titles and headings count for more.
  function found(query, pages) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const scored = pages.map((page) => {
      // A page of the reference is in a file called as its function.
      const file = page.path.replace(/^.*[/]|[.]html.*$/g, "");
      const title = `${page.title} ${page.heading} ${file}`.toLowerCase();
      const text = page.text.toLowerCase();
      let score = 0;
      for (const word of words) {
        const start = new RegExp("(^|[^a-z0-9])" + word.replace(/[^a-z0-9_]/g, "\\$&"));
        if (start.test(title)) score += 10;
        else if (start.test(text)) score += 1;
        else return { page, score: 0 };
      }
      return { page, score };
    });
    return scored.filter((one) => one.score > 0).sort((a, b) => b.score - a.score).slice(0, 20);
  }

  function search(input, base) {
    const results = element("ul", { id: "site-results" });
    results.setAttribute("aria-live", "polite");
    const form = input.closest("form") || input.parentElement;
    form.style.position = "relative";
    form.append(results);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const first = results.querySelector("a");
      if (first) location.href = first.href;
    });
    const show = () => {
      const query = input.value.trim();
      results.replaceChildren();
      if (query.length < 2) return;
      const pages = found(query, window.siteIndex || []);
      for (const { page } of pages) {
        const where = page.heading ? `${page.title} › ${page.heading}` : page.title;
        const link = element("a", { href: base + page.path }, where);
        link.append(element("small", { textContent: page.text.slice(0, 110) }));
        results.append(element("li", {}, link));
      }
      if (pages.length === 0) {
        results.append(element("li", {}, element("p", { textContent: "Nothing was found." })));
      }
    };
    input.addEventListener("input", show);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") results.replaceChildren();
      if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
        event.preventDefault();
        input.focus();
      }
    });
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) { input.value = asked; show(); }
  }

  function listHeadings(toc) {
    const list = element("ul", {});
    for (const heading of document.querySelectorAll("main h2, main h3")) {
      const id = heading.id || (heading.parentElement && heading.parentElement.id);
      if (!id || toc.contains(heading)) continue;
      const clone = heading.cloneNode(true);
      clone.querySelectorAll(".anchor").forEach((anchor) => anchor.remove());
      const link = element("a", { href: "#" + id, textContent: clone.textContent.trim() });
      list.append(element("li", { className: "toc-" + heading.tagName.toLowerCase() }, link));
    }
    toc.append(list);
  }

  function copyButtons() {
    if (!navigator.clipboard) return;
    for (const pre of document.querySelectorAll("pre.sourceCode, pre.usage")) {
      const button = element("button", { type: "button", className: "site-button", textContent: "Copy" });
      button.addEventListener("click", () => {
        const clone = pre.cloneNode(true);
        clone.querySelectorAll("button, .r-out, .r-msg, .r-wrn, .r-err, .r-plt").forEach((one) => one.remove());
        navigator.clipboard.writeText(clone.textContent.trim());
        button.textContent = "Copied";
      });
      pre.append(button);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const base = root.dataset.base || "";
    const bar = document.querySelector(".navbar .container, .navbar");
    const input = document.getElementById("search-input");
    if (input) search(input, base);
    if (bar) (document.querySelector("#navbar") || bar).append(themeButton());
    const toc = document.getElementById("toc");
    if (toc) listHeadings(toc);
    copyButtons();
  });
})();
