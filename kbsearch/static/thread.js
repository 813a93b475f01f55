// The page of a request: seen once it is shown, quoting, sending with Ctrl + Enter.
"use strict";

const thread = document.getElementById("thread");
const body = document.getElementById("body");

function tellSeen() {
  if (document.hidden || !thread.dataset.seen) return;
  fetch(thread.dataset.seen, { method: "POST", body: new URLSearchParams({ activity: thread.dataset.activity }) });
  delete thread.dataset.seen;
}

tellSeen();
document.addEventListener("visibilitychange", tellSeen);

// What the address names has the focus: the message just sent, or the answer called back.
const place = document.getElementById(location.hash.slice(1));
if (place === body?.form) body?.focus();
else if (place?.matches(".message")) {
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

if (body?.form) {
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const buttons = [...body.form.querySelectorAll(".send button")];
    body.form.requestSubmit(buttons.find((button) => button.offsetParent));
  });
  const quoting = document.querySelector("[data-quote]");
  quoting.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
  quoting.addEventListener("click", () => {
    const text = getSelection().toString().trim();
    if (!text) return body.focus();
    const quoted = text.split("\n").map((line) => `> ${line}`).join("\n");
    body.value = `${body.value.trimEnd()}\n\n${quoted}\n\n`.trimStart();
    body.dispatchEvent(new Event("input", { bubbles: true }));
    body.focus();
  });
}
