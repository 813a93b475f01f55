// The queue by keyboard: j and k walk, x chooses, Enter opens; a box chooses all, Shift a stretch.
"use strict";

{
  const rows = () => [...document.querySelectorAll("#many tbody tr")];
  const link = (row) => row.querySelector("th a");
  const box = (row) => row.querySelector("[name=chosen]");
  const current = () => rows().findIndex((row) => row.contains(document.activeElement));
  let last = null;

  const showAll = () => {
    const all = document.getElementById("all-of-them");
    if (all) all.hidden = false;
  };
  showAll();
  document.addEventListener("htmx:afterSwap", showAll);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!singleKeys || document.querySelector("dialog[open]")) return;
    if (isTyping(event.target) && event.target.type !== "checkbox") return;
    const all = rows();
    const at = current();
    if (event.key === "j" || event.key === "k") {
      const next = all[Math.max(0, Math.min(all.length - 1, at + (event.key === "j" ? 1 : -1)))];
      if (!next) return;
      event.preventDefault();
      link(next).focus();
    } else if (event.key === "x" && at >= 0) {
      event.preventDefault();
      box(all[at]).checked = !box(all[at]).checked;
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.id === "all-of-them") {
      for (const row of rows()) box(row).checked = event.target.checked;
    } else if (event.target.name === "chosen") {
      const boxes = rows().map(box);
      const at = boxes.indexOf(event.target);
      if (event.shiftKey && last !== null) {
        const [from, to] = [Math.min(at, last), Math.max(at, last)];
        for (const one of boxes.slice(from, to + 1)) one.checked = event.target.checked;
      }
      last = at;
    }
  });
}
