// The frame of the widget. It speaks with the page around it over a port that it takes from a page
// of a listed origin only, and keeps who is there in memory: a pass that the server gave.
"use strict";

const body = document.body;
const origins = body.dataset.origins.split(" ");
const language = document.documentElement.lang;
const [panel, field, back, problem, status] = ["panel", "q", "back", "problem", "status"].map(
  (id) => document.getElementById(id),
);
const reasons = { 401: body.dataset.ended, 404: body.dataset.missing };
const IN_ARTICLE = /^\/(\w+)\/articles\/([^/]+)$/;

let port = null;
let pass = "";
let about = { product: "", version: "", page: "" };
let asked = 0; // the number of the last question: earlier answers come too late
let renewed = () => {};

function address(path, values = {}) {
  return `/widget/${path}?${new URLSearchParams({ ...values, lang: language })}`;
}

function send(url, options = {}) {
  const headers = pass ? { Authorization: `Bearer ${pass}` } : {};
  return fetch(url, { ...options, headers, credentials: "omit", cache: "no-store" });
}

async function identify(jwt) {
  pass = "";
  if (!jwt) return;
  const answer = await send(address("identity"), { method: "POST", body: new URLSearchParams({ jwt }) });
  if (answer.ok) pass = await answer.text();
}

// The page around signs anew where the pass is over; whoever it does not name goes on as a stranger.
async function renew() {
  if (!port) return identify("");
  const jwt = await new Promise((resolve) => {
    renewed = resolve;
    port.postMessage({ type: "identify" });
  });
  return identify(jwt);
}

async function ask(url, options) {
  let answer = await send(url, options);
  if (answer.status === 401) {
    await renew();
    answer = await send(url, options);
  }
  return answer;
}

// Pictures are for those who may read them: they are fetched with the pass.
async function paint(image, path) {
  const answer = await ask(`/widget${path}`);
  if (answer.ok) image.src = URL.createObjectURL(await answer.blob());
}

function put(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const paths = new Map();
  for (const image of template.content.querySelectorAll('img[src^="/media/"]')) {
    paths.set(image, image.getAttribute("src"));
    image.removeAttribute("src");
  }
  panel.replaceChildren(template.content);
  for (const [image, path] of paths) paint(image, path);
  status.textContent = panel.querySelector("[data-announce]")?.dataset.announce ?? "";
}

async function show(url, { options, focus = true } = {}) {
  const number = ++asked;
  let text = "";
  try {
    const answer = await ask(url, options);
    if (answer.ok || answer.status === 422) text = await answer.text();
    else problem.textContent = reasons[answer.status] ?? body.dataset.lost;
  } catch {
    problem.textContent = body.dataset.lost;
  }
  if (number !== asked && !options) return;
  problem.hidden = Boolean(text);
  if (!text) return;
  put(text);
  if (!focus) return;
  scrollTo(0, 0);
  (panel.querySelector("[aria-invalid]") || panel.querySelector("h1") || panel).focus();
}

function search() {
  back.hidden = true;
  return show(address("search", { q: field.value.slice(0, 300) }), { focus: false });
}

function write() {
  back.hidden = false;
  const subject = field.value.trim().slice(0, 300);
  const { product, version, page } = about;
  return show(address("requests/new", { subject, software: product, version, page }));
}

let typing = 0;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
});
document.getElementById("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  search();
});
back.addEventListener("click", () => {
  search();
  field.focus();
});
document.getElementById("write").addEventListener("click", write);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.getAttribute("href").startsWith("#")) return;
  const url = new URL(link.href);
  const article = url.origin === location.origin && !("apart" in link.dataset) && IN_ARTICLE.exec(url.pathname);
  if (!article) {
    link.target = "_blank";
    link.rel = "noopener";
    return;
  }
  event.preventDefault();
  back.hidden = false;
  show(address(`articles/${article[1]}/${article[2]}`)).then(() => {
    if (url.hash) document.getElementById(decodeURIComponent(url.hash.slice(1)))?.scrollIntoView();
  });
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "request") return;
  event.preventDefault();
  const path = event.submitter?.getAttribute("formaction")?.replace("/widget/", "") ?? "requests";
  show(address(path), {
    options: { method: "POST", body: new URLSearchParams(new FormData(event.target)) },
  });
});

// What is announced of the software and version, as they are chosen.
document.addEventListener("change", async ({ target }) => {
  if (!target.matches("#software, #version")) return;
  const { software, version } = target.form.elements;
  const answer = await ask(address("announcements", { software: software.value, version: version.value }));
  const place = panel.querySelector("#announced");
  if (answer.ok && place) place.innerHTML = await answer.text();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !port) return;
  event.preventDefault();
  port.postMessage({ type: "close" });
});

addEventListener("message", async (event) => {
  if (port || event.source !== parent || !origins.includes(event.origin)) return;
  if (event.data?.type !== "about" || !event.ports[0]) return;
  port = event.ports[0];
  about = event.data;
  port.onmessage = ({ data }) => {
    if (data.type === "about") {
      about = data;
      field.focus();
    }
    if (data.type === "identity") renewed(data.jwt);
  };
  field.focus();
  await identify(event.data.jwt);
  search();
});

// It says nothing but that it is there; whoever frames it is asked who they are by their origin.
if (parent !== window) parent.postMessage("kbsearch.ready", "*");
