// The widget in the vendor's application: a button, and a panel with the frame of the help centre.
// It is served as a function that is called with its words, and loads nothing before it is opened.
// Nothing here reads the page; the frame is told what the attributes of the script say, and who is
// there, at our origin alone.
((words) => {
  "use strict";
  const script = document.currentScript;
  const canShow = window.HTMLDialogElement && "adoptedStyleSheets" in Document.prototype;
  if (!script || !canShow || window.kbsearch) return;
  const told = script.dataset;
  const home = new URL(script.src).origin;
  const tongues = [told.language, document.documentElement.lang, navigator.language];
  const codes = tongues.map((tongue) => (tongue || "").slice(0, 2).toLowerCase());
  const language = codes.find((code) => code in words) || Object.keys(words)[0];
  const word = words[language];
  const patience = 10000; // milliseconds that the frame may take to show itself

  const STYLE = `
    :host { all: initial; }
    * { box-sizing: border-box; font: 500 16px/1.4 system-ui, sans-serif; }
    .open { position: fixed; inset: auto 1rem 1rem auto; z-index: 2147483000; min-height: 3rem;
      padding: .5rem 1.25rem; border: 2px solid #fff; border-radius: 2rem; color: #fff;
      background: #17494d; cursor: pointer; }
    dialog { inset: auto 1rem 1rem auto; width: min(25rem, 100vw - 2rem); padding: 0; margin: 0;
      height: min(40rem, 100vh - 2rem); border: 1px solid #8b8f8e; border-radius: .75rem;
      overflow: hidden; background: #fff; color: #1b2324; color-scheme: light dark; }
    dialog[open] { display: flex; flex-direction: column; }
    dialog::backdrop { background: rgb(0 0 0 / 25%); }
    header { display: flex; gap: .5rem; align-items: center; padding: .5rem .75rem;
      color: #fff; background: #17494d; }
    h2 { flex: 1; margin: 0; font-weight: 650; }
    header a { color: #fff; font-size: 14px; }
    .close { min-width: 2.5rem; min-height: 2.5rem; border: 0; color: #fff; background: none;
      font-size: 24px; cursor: pointer; }
    :focus-visible { outline: 3px solid #e0a100; outline-offset: -3px; }
    iframe { flex: 1; width: 100%; border: 0; }
    p { padding: 1rem; margin: 0; }
    [hidden] { display: none; }
    @media (max-width: 30rem) {
      dialog { inset: 0; width: 100%; height: 100%; max-width: none; max-height: none;
        border: 0; border-radius: 0; }
    }
    @media (prefers-color-scheme: dark) { dialog { background: #14181a; color: #e6eaea; } }
    @media print { :host { display: none; } }`;

  function make(name, attributes, text) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  }

  const host = make("kbsearch-widget", {});
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const button = make("button", { type: "button", class: "open", "aria-haspopup": "dialog" }, word.open);
  const dialog = make("dialog", { "aria-labelledby": "title", lang: language });
  const head = make("header", {});
  const title = make("h2", { id: "title" }, word.panel);
  const apart = make("a", { href: `${home}/${language}/`, target: "_blank", rel: "noopener" }, word.apart);
  const shut = make("button", { type: "button", class: "close", "aria-label": word.close }, "×");
  const refused = make("p", { role: "alert", hidden: "" }, word.refused);
  head.append(title, apart, shut);
  dialog.append(head, refused);
  button.lang = language;
  button.hidden = told.button === "none";
  root.append(button, dialog);

  let frame = null;
  let port = null;

  // Without the address's query and fragment, which may say more than the host means to tell.
  const about = () => ({
    type: "about",
    product: told.product || "",
    version: told.version || "",
    page: told.page || location.origin + location.pathname,
  });

  // What the application signed: from an address of its own, or once from the page.
  async function identity() {
    if (told.jwtUrl) {
      try {
        const answer = await fetch(told.jwtUrl, { cache: "no-store" });
        return answer.ok ? (await answer.text()).trim() : "";
      } catch {
        return "";
      }
    }
    const signed = told.jwt || "";
    delete told.jwt;
    return signed;
  }

  function fallBack() {
    if (port) return;
    frame.hidden = true;
    refused.hidden = false;
    apart.focus();
  }

  function load() {
    frame = make("iframe", { title: word.panel, referrerpolicy: "no-referrer" });
    frame.src = `${home}/widget?lang=${language}`;
    frame.addEventListener("load", () => setTimeout(fallBack, 1000)); // it speaks before it has loaded
    dialog.append(frame);
    setTimeout(fallBack, patience);
  }

  addEventListener("message", async (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== home) return;
    if (event.data !== "kbsearch.ready") return;
    const channel = new MessageChannel();
    const jwt = await identity();
    port = channel.port1;
    port.onmessage = async ({ data }) => {
      if (data.type === "close") dialog.close();
      if (data.type === "identify") port.postMessage({ type: "identity", jwt: await identity() });
    };
    refused.hidden = true;
    frame.hidden = false;
    frame.contentWindow.postMessage({ ...about(), jwt }, home, [channel.port2]);
    if (dialog.open) frame.focus();
  });

  document.addEventListener("securitypolicyviolation", (event) => {
    if (frame && event.effectiveDirective === "frame-src" && event.blockedURI.startsWith(home)) fallBack();
  });

  function open() {
    if (!frame) load();
    if (dialog.open) return;
    dialog.showModal();
    if (!port) return;
    port.postMessage(about());
    frame.focus();
  }

  button.addEventListener("click", open);
  shut.addEventListener("click", () => dialog.close());
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("[data-kbsearch]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  window.kbsearch = { open, close: () => dialog.close() };

  const show = () => document.body.append(host);
  if (document.body) show();
  else addEventListener("DOMContentLoaded", show);
})
