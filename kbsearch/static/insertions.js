// What a text field offers as one types: a list below it, opened by some signs and the words after
// them (`asked` has them as its second and third group), walked through with the arrows.
"use strict";

function offerInsertions(area, list, asked, queryOf) {
  let active = -1;
  let walked = false; // the choice is the person's, not the first of the list
  let asking;

  const options = () => [...list.querySelectorAll("[data-text], [data-source]")];
  const addition = (option) => option?.dataset.source ?? option?.dataset.text;

  function close() {
    asking?.abort(); // what is on its way opens nothing any more
    list.hidden = true;
    active = -1;
    walked = false;
    area.removeAttribute("aria-activedescendant");
  }

  function choose(position) {
    active = position;
    options().forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    if (active < 0) return area.removeAttribute("aria-activedescendant");
    area.setAttribute("aria-activedescendant", options()[active].id);
    options()[active].scrollIntoView({ block: "nearest" });
  }

  function typed() {
    return area.selectionStart === area.selectionEnd && area.value.slice(0, area.selectionStart).match(asked);
  }

  async function offer() {
    const found = typed();
    if (!found || (found[2] !== "::" && !found[3].trim())) return close();
    asking?.abort();
    asking = new AbortController();
    const query = new URLSearchParams(queryOf(found[2], found[3]));
    try {
      const told = await fetch(`${list.dataset.source}?${query}`, { signal: asking.signal, headers: { "HX-Request": "true" } });
      if (!told.ok) return close();
      const html = await told.text();
      const chosen = walked && addition(options()[active]);
      list.innerHTML = html;
      list.hidden = false;
      const again = options().findIndex((option) => addition(option) === chosen);
      choose(options().length ? Math.max(0, again) : -1);
    } catch {
      return;
    }
    document.getElementById("kb-status").textContent = options().length ? list.dataset.said.replace("{}", options().length) : list.dataset.none;
  }

  async function textOf(option) {
    if (option.dataset.text) return option.dataset.text;
    const told = await fetch(option.dataset.source).catch(() => null);
    return told?.ok ? told.text() : null;
  }

  async function insert(option) {
    const text = await textOf(option);
    const found = typed();
    if (text === null) document.getElementById("kb-alert").textContent = list.dataset.lost;
    if (!found || text === null) return close();
    const end = area.selectionStart;
    const start = end - found[2].length - found[3].length;
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new CustomEvent("inserted", { detail: option.dataset }));
    area.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    area.focus();
  }

  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
  area.addEventListener("input", offer);
  area.addEventListener("blur", () => setTimeout(close, 150));
  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      walked = true;
      choose((active + step + all.length) % all.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && all[active] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      insert(all[active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-text], [data-source]");
    if (option) insert(option);
  });
}
