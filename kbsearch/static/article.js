// An article being written: where something is said of a line, go to that line.
"use strict";

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  const text = document.getElementById("article-body");
  if (!link || !text || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length);
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + lines[line - 1].length);
  text.scrollTop = Math.max(0, (text.scrollHeight * (line - 4)) / lines.length);
});
