// Makes pages nicer to use; without it they say the same. Nothing leaves this host.
"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    const known = cell.dataset.v ?? cell.textContent.trim();
    return known === "" || known === "–" ? null : known;
  };
  const sort = (table, column, head) => {
    const rows = [...table.tBodies[0].rows];
    const given = rows.map((row) => value(row, column)).filter((each) => each !== null);
    const numbers = given.length > 0 && given.every((each) => !Number.isNaN(Number(each)));
    const old = head.getAttribute("aria-sort");
    const up = old ? old === "descending" : !numbers;
    const compare = new Intl.Collator(document.documentElement.lang).compare;
    rows.sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (x === null || y === null) return (x === null) - (y === null);
      const order = numbers ? Number(x) - Number(y) : compare(x, y);
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  // A picture as PNG, twice as large: the SVG file drawn here.
  const asPng = async (link) => {
    const address = new URL(link.href);
    address.searchParams.set("theme", "light");
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * picture.naturalWidth, 2 * picture.naturalHeight];
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const file = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const to = document.createElement("a");
    to.href = URL.createObjectURL(file);
    const sample = document.querySelector(".ribbon") ? "SAMPLE-" : "";
    to.download = sample + decodeURIComponent(address.pathname).slice(7, -4).replaceAll("/", "-") + ".png";
    to.click();
    setTimeout(() => URL.revokeObjectURL(to.href), 60_000);
  };
  const enhance = (root) => {
    for (const link of root.querySelectorAll("a.svg")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "PNG";
      button.addEventListener("click", () => asPng(link).catch(() => location.assign(link.href)));
      link.after(button);
    }
    for (const code of root.querySelectorAll("code.embed")) {
      code.textContent = code.textContent.replaceAll('="/', `="${location.origin}/`);
    }
    for (const hint of root.querySelectorAll(".embed-host")) hint.remove();
    for (const table of root.querySelectorAll("table.sortable")) {
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        button.addEventListener("click", () => sort(table, column, head));
        head.append(button);
      });
    }
  };
  // The other family, without loading the page anew.
  let shown = location.pathname + location.search;
  const swap = async (address, push) => {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = page.title;
    for (const part of ["main", ".crumbs"]) {
      document.querySelector(part).replaceWith(page.querySelector(part));
    }
    enhance(document.querySelector("main"));
    if (push) history.pushState({ swapped: true }, "", address);
    shown = location.pathname + location.search;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-swap]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const label = link.textContent.trim();
    swap(link.href, true).then(
      () => [...document.querySelectorAll("a[data-swap]")].find((each) => each.textContent.trim() === label)?.focus(),
      () => location.assign(link.href),
    );
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search === shown) return; // a place on the same page
    swap(location.href, false).catch(() => location.reload());
  });
  // Suggestions while one types.
  const box = document.getElementById("q");
  const list = document.createElement("datalist");
  list.id = "found";
  box.after(list);
  box.setAttribute("list", "found");
  let waiting;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const sought = box.value.trim();
      if (sought.length < 2) return;
      const answer = await fetch("/api/v1/search?limit=8&q=" + encodeURIComponent(sought)).catch(() => null);
      if (!answer?.ok || box.value.trim() !== sought) return;
      list.replaceChildren(...(await answer.json()).found.map((each) => {
        const option = document.createElement("option");
        option.value = each.id;
        option.label = each.name;
        return option;
      }));
    }, 150);
  });
  enhance(document);
})();
