// Keys of the support team: g and a letter go to a place; j and k walk through a view, also beside a
// request; there r answers, n notes, a takes it, s solves it, e opens the next one of the view, z calls
// an answer back that has not left.
"use strict";

{
  const SECOND_KEY_WITHIN = 1500; // ms
  const places = { q: "/desk", m: "/desk/mail" };
  const keys = {
    j: () => walk(1),
    k: () => walk(-1),
    r: () => compose(false),
    n: () => compose(true),
    a: () => document.querySelector("[data-take]")?.click(),
    s: solve,
    e: () => document.querySelector(".neighbours [rel=next]")?.click(),
    z: () => document.querySelector(".undo button")?.click(),
  };
  let begun = 0;

  const view = document.getElementById("beside");
  const current = view?.querySelector("[aria-current]");
  if (current) view.scrollTop = current.offsetTop - view.clientHeight / 3;

  function walk(step) {
    const links = [...document.querySelectorAll("#many tbody th a, #beside li a")];
    const row = document.activeElement.closest("tr, li");
    const at = links.findIndex((link) => row?.contains(link));
    const from = at < 0 && current ? links.indexOf(current) : at;
    links[Math.max(0, Math.min(links.length - 1, from + step))]?.focus();
  }

  // The customer whom somebody calls for: a button puts the address into the form.
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-customer]");
    if (!chosen) return;
    const requester = document.getElementById("requester");
    requester.value = chosen.dataset.customer;
    requester.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("subject").focus();
  });

  // After the browser has gone to what the address names.
  window.addEventListener("load", () => setTimeout(() => document.querySelector("[data-next]")?.focus({ preventScroll: true })));

  function compose(isNote) {
    const body = document.getElementById("body");
    const mode = document.querySelector(`#reply [name=internal][value="${isNote ? 1 : ""}"]`);
    if (!body || !mode) return;
    mode.click();
    body.focus();
  }

  // With an answer begun it goes out with it; else at once.
  function solve() {
    const then = document.getElementById("then");
    if (then && document.getElementById("body").value.trim()) {
      then.value = "solved";
      then.form.querySelector(".publish").focus();
    } else document.querySelector(".moves [name=status][value=solved]")?.click();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing ) return;
    if (event.repeat && !"jk".includes(event.key)) return;
    if (!singleKeys || document.querySelector("dialog[open]")) return;
    if (isTyping(event.target) && event.target.type !== "checkbox") return;
    const place = event.timeStamp - begun < SECOND_KEY_WITHIN && places[event.key];
    begun = event.key === "g" ? event.timeStamp : 0;
    const link = place && document.querySelector(`.desk-bar a[href$="${place}"]`);
    if (!link && !(event.key in keys)) return;
    event.preventDefault();
    if (link) link.click();
    else keys[event.key]();
  });
}
