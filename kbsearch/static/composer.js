// What agents have on the page of a request: who else looks at it, how long an answer can still be
// called back, and what can be inserted into the next one. `::` and letters offer saved replies, `??`
// and words offer articles, each as a link or as its text, which is fetched when it is chosen.

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
  const queryOf = (sign, words) => ({ kind: sign === "::" ? "reply" : "article", q: words });
  // What a saved reply does besides as it is sent: shown, and left out by a click.
  area?.addEventListener("inserted", ({ detail: { status, macro, told } }) => {
    const then = document.getElementById("then");
    if (then && status) then.value = status;
    if (!macro) return;
    const shape = document.getElementById("macro-shape").content.cloneNode(true);
    shape.querySelector("input").value = macro;
    shape.querySelector("[data-told]").textContent = told;
    document.getElementById("macro").replaceChildren(shape);
  });
  if (area && list) offerInsertions(area, list, /(^|\s)(::|\?\?)([^\n]{0,60})$/, queryOf);
}
