// What the pages gain from JavaScript; each of them works without it.
"use strict";

const words = document.getElementById("kb-words").dataset;
const field = document.getElementById("q");
const palette = document.getElementById("palette");
const shortcuts = document.getElementById("kb-shortcuts");
const singleKeys = !document.querySelector("[data-single-keys=off]");
const isMac = /Mac|iP(hone|ad|od)/.test(navigator.platform);

function isTyping(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

// Announcements: one polite message once the results have settled, an interruption for none.
const SETTLED_AFTER = 1200; // ms
let announcing;

function announce(results) {
  clearTimeout(announcing);
  const polite = document.getElementById("kb-status");
  const urgent = document.getElementById("kb-alert");
  polite.textContent = urgent.textContent = "";
  if (results.dataset.total === "0") urgent.textContent = results.dataset.announce;
  announcing = setTimeout(() => {
    if (results.dataset.total !== "0") polite.textContent = results.dataset.announce || "";
    tellSearch(results);
  }, SETTLED_AFTER);
}

// What a visit searched, saw and opened, told once it has settled: no key waits for it.
function tellVisit(told) {
  if (!document.prerendering) navigator.sendBeacon(`/${document.documentElement.lang}/visits`, told);
}

function tellSearch(results) {
  if (!results.dataset.total || !field.value.trim()) return;
  const told = new FormData(document.getElementById("search"));
  told.set("results", results.dataset.total);
  for (const hit of results.querySelectorAll("[data-target]")) told.append("shown", hit.dataset.target);
  tellVisit(told);
}

function tellOpened(place) {
  const told = new FormData();
  told.set("opened", place.dataset.target);
  tellVisit(told);
}

for (const press of ["click", "auxclick"]) {
  document.addEventListener(press, (event) => {
    const place = event.button < 2 && event.target.closest("a")?.closest("[data-target]");
    if (place) tellOpened(place);
  });
}
if (document.querySelector("#results[data-total]")) announcing = setTimeout(() => tellSearch(document.getElementById("results")), SETTLED_AFTER);

// Results: what was shown stays, dimmed when the answer is slow, until the new ones are there.
const SLOW_AFTER = 400; // ms
let dimming;

function dim(isSlow) {
  clearTimeout(dimming);
  if (isSlow) dimming = setTimeout(() => document.getElementById("results")?.classList.add("dim"), SLOW_AFTER);
  else document.getElementById("results")?.classList.remove("dim");
}

function setAvailable(isAvailable) {
  const notice = document.getElementById("unavailable");
  if (!notice) return;
  notice.hidden = isAvailable;
  document.getElementById("kb-alert").textContent = isAvailable ? "" : notice.querySelector("strong").textContent;
  const text = encodeURIComponent(field.value);
  for (const [link, name] of [["[data-retry]", "q"], ["[data-subject]", "subject"]]) {
    const anchor = notice.querySelector(link);
    anchor.href = `${anchor.pathname}?${name}=${text}`;
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id === "results") dim(true);
});
document.addEventListener("submit", (event) => {
  event.target.querySelector(".folded:popover-open")?.hidePopover(); // what it asked for lies below
});
document.addEventListener("htmx:afterSwap", (event) => {
  const target = document.getElementById(event.detail.target?.id);
  if (target?.id === "palette-list") listOptions();
  if (target?.id !== "results") return;
  dim(false);
  setAvailable(true);
  announce(target);
  if (document.activeElement === document.body) target.focus();
});
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    if (event.detail.target?.id !== "results") return;
    dim(false);
    setAvailable(false);
  });
}

// What could not be kept is told beside the form, which stays with all that is typed in it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Retarget") === "#kb-problem") event.detail.shouldSwap = true;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.verb === "post") document.getElementById("kb-problem").replaceChildren();
});

// htmx keeps the last address, with what was searched, for as long as the tab is open.
for (const change of ["htmx:pushedIntoHistory", "htmx:replacedInHistory", "htmx:historyRestore"]) {
  document.addEventListener(change, () => sessionStorage.removeItem("htmx-current-path-for-history"));
}

// Back and forward load the page: what scripts hold of one that was swapped would be of no page.
let address = location.pathname + location.search;
for (const change of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
  document.addEventListener(change, () => { address = location.pathname + location.search; });
}
addEventListener("popstate", () => { if (location.pathname + location.search !== address) location.reload(); });

// Whoever comes back stands on the link they left by.
document.addEventListener("click", (event) => {
  const link = event.target.closest("main a[href]");
  if (link) history.replaceState({ ...history.state, leftFor: link.pathname }, "");
});
addEventListener("pageshow", (event) => {
  const isBack = event.persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  const path = history.state?.leftFor;
  if (!isBack || !path || document.activeElement !== document.body) return;
  const links = [...document.querySelectorAll("main a[href]")];
  links.find((link) => link.pathname === path)?.focus({ preventScroll: true });
});

// Keys: / to the field, Ctrl K for the palette, ? for the list; arrows walk through the results.
function walk(event) {
  const links = [...document.querySelectorAll("#results .hit h3 a")];
  const at = links.indexOf(document.activeElement);
  if (document.activeElement === field) {
    if (event.key === "ArrowDown" && links.length) return links[0];
  } else if (at >= 0) {
    if (event.key === "ArrowDown") return links[at + 1] || links[at];
    if (event.key === "ArrowUp") return links[at - 1] || field;
    if (event.key === "Escape") return field;
  }
  return null;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    if (palette.open) palette.close();
    else openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const next = field && walk(event);
  if (next) {
    event.preventDefault();
    next.focus();
  } else if (!singleKeys || isTyping(event.target)) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    if (field) field.select();
    else openPalette();
  } else if (event.key === "?") {
    event.preventDefault();
    shortcuts.showModal();
  }
});

// Palette: a combobox; the focus stays in its field, aria-activedescendant says where we are.
const paletteField = document.getElementById("palette-field");
let options = [];
let active = -1;

function openPalette() {
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  paletteField.value = "";
  palette.showModal();
  paletteField.focus();
  htmx.trigger(paletteField, "refresh");
}

function listOptions() {
  options = [...document.querySelectorAll("#palette-list [role=option]")];
  paletteField.setAttribute("aria-expanded", String(options.length > 0));
  choose(options.length && paletteField.value ? 0 : -1);
}

function choose(position) {
  active = position;
  options.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
  if (active < 0) return paletteField.removeAttribute("aria-activedescendant");
  paletteField.setAttribute("aria-activedescendant", options[active].id);
  options[active].scrollIntoView({ block: "nearest" });
}

paletteField.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) {
    event.preventDefault();
    choose((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length);
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    if (options[active]) location.assign(options[active].dataset.url);
  } else if (event.key === "Escape") {
    event.preventDefault(); // else the browser only empties the field
    palette.close();
  }
});
palette.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) location.assign(option.dataset.url);
});

const opener = document.getElementById("kb-opener");
opener.setAttribute("role", "button");
opener.setAttribute("aria-haspopup", "dialog");
opener.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  openPalette();
});
opener.addEventListener("keydown", (event) => {
  if (event.key !== " ") return;
  event.preventDefault();
  openPalette();
});

// Dialogs: a button or a click beside them closes; the focus goes back to where it was.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}
if (isMac) {
  for (const key of document.querySelectorAll("[data-shortcut]")) key.textContent = `⌘ ${key.dataset.shortcut}`;
  opener.setAttribute("aria-keyshortcuts", "Meta+K");
}

// The menu with one's name closes as menus do: on Escape, and when one goes elsewhere.
const menu = document.querySelector(".menu");
if (menu) {
  for (const elsewhere of ["click", "focusin"]) {
    document.addEventListener(elsewhere, (event) => { if (!menu.contains(event.target)) menu.open = false; });
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// Articles: contents that follow the reader, code to copy, images to enlarge, the first mark.
const contents = document.querySelector(".toc details");
if (contents) {
  const wide = matchMedia("(min-width: 62rem)");
  const unfold = () => { if (wide.matches) contents.open = true; };
  unfold();
  wide.addEventListener("change", unfold);
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  const seen = new IntersectionObserver((entries) => {
    const entry = entries.filter((one) => one.isIntersecting).pop();
    if (!entry) return;
    for (const [anchor, link] of links) {
      if (anchor === entry.target.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-10% 0px -70% 0px" });
  for (const anchor of links.keys()) {
    const heading = document.getElementById(anchor);
    if (heading) seen.observe(heading);
  }
}

for (const code of document.querySelectorAll(".prose .code")) {
  const frame = document.createElement("div");
  const button = document.createElement("button");
  frame.className = "code-frame";
  button.className = "copy";
  button.type = "button";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent.trimEnd());
    button.textContent = document.getElementById("kb-status").textContent = words.copied;
    setTimeout(() => { button.textContent = words.copy; }, 2000);
  });
  code.replaceWith(frame);
  frame.append(code, button);
}

const enlarged = document.getElementById("kb-enlarged");
for (const image of document.querySelectorAll(".prose img")) {
  if (image.closest("a")) continue;
  const button = document.createElement("button");
  button.className = "enlarge";
  button.type = "button";
  button.title = words.enlarge;
  button.addEventListener("click", () => {
    const shown = enlarged.querySelector("img");
    shown.src = image.src;
    shown.alt = image.alt;
    enlarged.showModal();
  });
  image.replaceWith(button);
  button.append(image);
}

if (!location.hash) document.querySelector(".prose mark")?.scrollIntoView({ block: "center" });
