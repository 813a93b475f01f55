// The queue: x chooses the row that has the focus; a box chooses all, Shift a stretch.
"use strict";

{
  const rows = () => [...document.querySelectorAll("#many tbody tr")];
  const box = (row) => row.querySelector("[name=chosen]");
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
    const row = event.key === "x" && rows().find((one) => one.contains(document.activeElement));
    if (!row) return;
    event.preventDefault();
    box(row).checked = !box(row).checked;
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
