// The page of a request: seen once it is shown, quoting, sending with Ctrl + Enter, how long an
// answer can still be called back, and which colleagues look at it too.
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
