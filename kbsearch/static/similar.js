// Past cases beside a request: what is inserted goes where the answer is being written.
"use strict";

const answer = document.getElementById("body");

function insert(text, quoted) {
  const [start, end] = [answer.selectionStart, answer.selectionEnd];
  const before = answer.value.slice(0, start).trimEnd();
  const after = answer.value.slice(end).trimStart();
  const head = before ? `${before}\n\n${text}` : text;
  answer.value = after ? `${head}\n\n${after}` : `${head}\n`;
  if (quoted && !answer.form.querySelector(`[name="quoted"][value="${quoted}"]`)) {
    const kept = Object.assign(document.createElement("input"), { type: "hidden", name: "quoted", value: quoted });
    answer.form.append(kept);
  }
  answer.dispatchEvent(new Event("input", { bubbles: true }));
  answer.focus();
  answer.setSelectionRange(head.length, head.length);
}

function offer() {
  for (const button of document.querySelectorAll("#similar [data-text]")) button.hidden = false;
}

if (answer?.form) {
  offer();
  document.addEventListener("htmx:afterSettle", offer);
  document.addEventListener("click", async (event) => {
    const chosen = event.target.closest("#similar [data-insert], #similar [data-text]");
    if (!chosen || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (chosen.dataset.text) return insert(chosen.dataset.text);
    try {
      const told = await fetch(chosen.dataset.insert);
      if (!told.ok) throw new Error(told.statusText);
      insert(await told.text(), chosen.dataset.quoted);
    } catch {
      location.assign(chosen.href); // the page itself fills the answer in
    }
  });
}
