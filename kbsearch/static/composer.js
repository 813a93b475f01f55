// What agents have on the page of a request: who else looks at it, how long an answer can still be
// called back, and what can be inserted into the next one. `::` and letters offer saved replies, `??`
// and words offer articles, each as a link or as its text, which is fetched when it is chosen.
"use strict";

// Who else is here is said when it changes, not each time that it is asked.
const presence = document.getElementById("presence");
if (presence) {
  presence.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.serverResponse.trim() === presence.innerHTML.trim()) event.detail.shouldSwap = false;
  });
  window.addEventListener("pagehide", () => navigator.sendBeacon(presence.getAttribute("hx-post"), new URLSearchParams({ leave: "1" })));
}

for (const told of document.querySelectorAll("[data-leaving]")) {
  const leaves = performance.now() + 1000 * told.dataset.leaving;
  const counting = setInterval(() => {
    const seconds = Math.ceil((leaves - performance.now()) / 1000);
    if (seconds > 0) told.textContent = told.textContent.replace(/\d+/, seconds);
    else told.textContent = told.dataset.left;
    if (seconds <= 0 || !told.isConnected) clearInterval(counting);
  }, 1000);
}

{
  const area = document.getElementById("body");
  const list = document.getElementById("insertions");
  const asked = /(^|\s)(::|\?\?)([^\n]{0,60})$/;
  let active = -1;
  let asking;

  const options = () => [...list.querySelectorAll("[data-text], [data-source]")];

  function close() {
    asking?.abort(); // what is on its way opens nothing any more
    list.hidden = true;
    active = -1;
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
    if (!found || (found[2] === "??" && !found[3].trim())) return close();
    asking?.abort();
    asking = new AbortController();
    const query = new URLSearchParams({ kind: found[2] === "::" ? "reply" : "article", q: found[3] });
    try {
      const told = await fetch(`${list.dataset.source}?${query}`, { signal: asking.signal, headers: { "HX-Request": "true" } });
      if (!told.ok) return close();
      list.innerHTML = await told.text();
    } catch {
      return;
    }
    list.hidden = false;
    choose(options().length ? 0 : -1);
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
    area.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    area.focus();
  }

  if (area && list) {
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
}
