// Forms that lose nothing: saved while they are typed, files sent as they are chosen, one sending.
//
//   <form data-draft="…/drafts/KEY" method="post">  saved there after a pause and on leaving; its
//       dataset has the words: saved ("… {}"), unsaved, waiting ("… ({})"), failed ("… {}"),
//       tooBig, lost, apart. `key` is a field of it, `ticket` too when it answers one, and
//       `draft_revision`: the draft as this page knows it. Where another page has sent or changed
//       it, the answer is 409 with the key of another draft, with which the form goes on.
//     [data-files="…/drafts/KEY/files"]  files can be dropped here; data-max is the bytes of one
//       input[type=file]                 and chosen here, and pasted anywhere in the form
//       ul[data-list] > li[data-file]    what the server answers for each, [data-remove] in it
//       template                         one under way: <li> with [data-name], <progress>,
//                                        [data-wrong], [data-cancel] and [data-again] (buttons)
//     [data-saved-at]                       where "saved at" is said
//     [data-ended] hidden                shown when the session is over: a button to sign in again
//     [data-sending] role=status         what sending waits for
//     [data-insert][data-into="ID"]      a button that adds its text to a field
//   #filing                              where htmx puts such a form: one that is begun stays
"use strict";

const SAVE_AFTER = 800; // ms
const FRAGMENT = { "HX-Request": "true" };

class Draft {
  constructor(form) {
    this.form = form;
    this.words = form.dataset;
    this.files = form.querySelector("[data-files]");
    this.uploads = new Map(); // row → what is under way or has failed
    this.isSent = this.isEnded = this.isChanged = this.isSaving = false;
    form.addEventListener("input", (event) => this.change(event));
    form.addEventListener("change", (event) => this.change(event));
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("click", (event) => this.click(event));
    form.addEventListener("paste", (event) => this.take(event, event.clipboardData));
    if (this.files) this.watchFiles();
  }

  find(selector) { return this.form.querySelector(selector); }

  // Saving: one request at a time, the newest text last.
  change(event) {
    if (event.target.type === "file") return;
    this.form.dataset.begun = "";
    this.isChanged = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER);
  }

  fields() {
    const data = new FormData(this.form);
    for (const input of this.form.querySelectorAll("[type=file]")) data.delete(input.name);
    return data;
  }

  async save() {
    if (!this.isChanged || this.isSaving || this.isSent || this.isEnded) return;
    this.isChanged = false;
    this.isSaving = true;
    try {
      const answer = await fetch(this.words.draft, { method: "POST", body: this.fields(), headers: FRAGMENT });
      if (answer.headers.has("HX-Redirect")) this.end();
      else if (!answer.ok && !answer.headers.has("Draft-Key")) throw new Error(answer.status);
      else {
        this.form.elements.draft_revision.value = answer.headers.get("Draft-Revision");
        const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
        this.tell("[data-saved-at]", this.words.saved.replace("{}", time));
        if (answer.headers.has("Draft-Key")) this.setApart(answer.headers.get("Draft-Key"), await answer.text());
      }
    } catch {
      this.isChanged = true;
      this.tell("[data-saved-at]", this.words.unsaved);
    }
    this.isSaving = false;
    if (this.isChanged) this.timer = setTimeout(() => this.save(), 5 * SAVE_AFTER);
  }

  setApart(key, list) {
    const before = this.form.elements.key.value;
    this.form.elements.key.value = key;
    this.form.dataset.draft = this.form.dataset.draft.replace(before, key);
    this.files.dataset.files = this.files.dataset.files.replace(before, key);
    for (const button of this.form.querySelectorAll("[formaction]")) button.setAttribute("formaction", button.getAttribute("formaction").replace(before, key));
    for (const row of this.files.querySelectorAll("[data-file]")) row.remove();
    this.files.querySelector("[data-list]").insertAdjacentHTML("afterbegin", list);
    document.getElementById("kb-status").textContent = this.words.apart;
    this.tell("[data-sending]", this.words.apart);
  }

  leave() {
    if (this.isChanged && !this.isSent && !this.isEnded) navigator.sendBeacon(this.words.draft, this.fields());
  }

  end() {
    this.isEnded = this.isChanged = true;
    const told = this.find("[data-ended]");
    if (told.hidden) document.getElementById("kb-alert").textContent = told.querySelector("p").textContent;
    told.hidden = false;
  }

  resume() {
    if (!this.isEnded) return;
    this.isEnded = false;
    this.find("[data-ended]").hidden = true;
    this.save();
  }

  tell(selector, text) {
    const place = this.find(selector);
    if (place) { place.hidden = false; place.textContent = text; }
  }

  // Files: each on its way at once, with its progress; one that failed stays until it is seen to.
  watchFiles() {
    const input = this.files.querySelector("[type=file]");
    input.addEventListener("change", () => {
      for (const file of input.files) this.upload(file);
      input.value = "";
    });
    this.files.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      this.files.classList.add("over");
    });
    for (const end of ["dragleave", "drop"]) this.files.addEventListener(end, () => this.files.classList.remove("over"));
    this.files.addEventListener("drop", (event) => this.take(event, event.dataTransfer));
  }

  take(event, transfer) {
    if (!this.files || !transfer?.files.length) return;
    event.preventDefault();
    for (const file of transfer.files) this.upload(file);
  }

  upload(file) {
    this.form.dataset.begun = "";
    const row = this.files.querySelector("template").content.firstElementChild.cloneNode(true);
    row.querySelector("[data-name]").textContent = file.name;
    this.files.querySelector("[data-list]").append(row);
    row.querySelector("[data-again]").addEventListener("click", () => this.send(file, row));
    row.querySelector("[data-cancel]").addEventListener("click", () => {
      this.uploads.get(row)?.abort?.();
      this.finish(row);
      row.remove();
      this.files.querySelector("[type=file]").focus();
    });
    if (file.size > Number(this.files.dataset.max)) this.fail(row, file.name, this.words.tooBig, true);
    else this.send(file, row);
  }

  send(file, row) {
    const request = new XMLHttpRequest();
    const data = new FormData();
    const progress = row.querySelector("progress");
    for (const name of ["ticket"]) if (this.form.elements[name]) data.append(name, this.form.elements[name].value);
    data.append("files", file, file.name);
    row.classList.remove("failed");
    row.querySelector("[data-wrong]").textContent = "";
    row.querySelector("[data-again]").hidden = true;
    progress.hidden = false;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      if (request.getResponseHeader("HX-Redirect")) {
        this.end();
        this.fail(row, file.name, this.words.lost);
      } else if (request.status === 200) {
        this.finish(row);
        const there = document.createElement("template");
        there.innerHTML = request.responseText;
        const sent = there.content.querySelector("[data-file]");
        this.files.querySelector(`[data-file="${sent.dataset.file}"]`)?.remove();
        row.replaceWith(sent);
      } else if (request.status === 413) this.fail(row, file.name, this.words.tooBig, true);
      else if (request.status < 500 && request.responseText.length < 1000) this.fail(row, file.name, request.responseText, true);
      else this.fail(row, file.name, this.words.lost);
    });
    request.addEventListener("error", () => this.fail(row, file.name, this.words.lost));
    request.addEventListener("timeout", () => this.fail(row, file.name, this.words.lost));
    request.open("POST", this.files.dataset.files);
    request.setRequestHeader("HX-Request", "true");
    request.send(data);
    this.uploads.set(row, request);
  }

  fail(row, name, why, isFinal = false) {
    row.classList.add("failed");
    row.querySelector("progress").hidden = true;
    row.querySelector("[data-again]").hidden = isFinal;
    row.querySelector("[data-wrong]").textContent = why;
    document.getElementById("kb-alert").textContent = `${name} – ${why}`;
    this.uploads.set(row, { failed: name });
    this.proceed();
  }

  finish(row) {
    this.uploads.delete(row);
    this.proceed();
  }

  // Sending: once, and not without a file that was chosen.
  submit(event) {
    const button = event.submitter;
    if (button?.formAction && button.hasAttribute("formaction")) {
      this.isSent = true; // the server keeps everything with it
      return;
    }
    if (this.isSent) return event.preventDefault();
    if (this.uploads.size) {
      event.preventDefault();
      this.waiting = button;
      this.proceed();
      return;
    }
    this.isSent = true;
    clearTimeout(this.timer);
    button?.setAttribute("aria-busy", "true");
  }

  proceed() {
    if (this.waiting === undefined) return;
    const failed = [...this.uploads.values()].filter((upload) => upload.failed);
    const running = this.uploads.size - failed.length;
    if (running) {
      this.waiting?.setAttribute("aria-busy", "true");
      this.tell("[data-sending]", this.words.waiting.replace("{}", running));
      return;
    }
    const button = this.waiting;
    this.waiting = undefined;
    button?.removeAttribute("aria-busy");
    if (failed.length) this.tell("[data-sending]", this.words.failed.replace("{}", failed.map((upload) => upload.failed).join(", ")));
    else {
      this.tell("[data-sending]", "");
      this.form.requestSubmit(button);
    }
  }

  click(event) {
    const inserting = event.target.closest("[data-insert]");
    if (inserting) {
      const field = document.getElementById(inserting.dataset.into);
      field.value = field.value.trim() ? `${field.value.trimEnd()}\n\n${inserting.dataset.insert}` : inserting.dataset.insert;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    }
    const removing = event.target.closest("[data-remove]");
    if (removing) {
      event.preventDefault();
      this.remove(removing);
    }
  }

  async remove(button) {
    const row = button.closest("[data-file]");
    const answer = await fetch(button.formAction, { method: "POST", headers: FRAGMENT }).catch(() => null);
    if (answer?.headers.has("HX-Redirect")) this.end();
    else if (answer?.ok || answer?.status === 404) {
      row.remove();
      this.files.querySelector("[type=file]").focus();
    }
  }
}

const forms = new Map();

function watch(root) {
  for (const form of root.querySelectorAll("form[data-draft]")) if (!forms.has(form)) forms.set(form, new Draft(form));
  for (const form of forms.keys()) if (!form.isConnected) forms.delete(form);
}

watch(document);
document.addEventListener("htmx:load", (event) => watch(event.target.parentElement || document));
window.addEventListener("focus", () => forms.forEach((draft) => draft.resume()));
window.addEventListener("pagehide", () => forms.forEach((draft) => draft.leave()));
window.addEventListener("pageshow", (event) => {
  if (event.persisted) forms.forEach((draft) => {
    draft.isSent = false;
    for (const busy of draft.form.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
  });
});

// A form in place: once it is begun, nothing that is typed into the search box takes it away.
const filing = document.getElementById("filing");

document.addEventListener("htmx:beforeSwap", (event) => {
  const begun = event.detail.target === filing && filing?.querySelector("[data-begun]");
  if (!begun) return;
  event.detail.shouldSwap = false;
  if (event.detail.requestConfig.triggeringEvent?.type === "click") begun.querySelector("#subject").focus();
});
document.addEventListener("htmx:afterSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (!target) return;
  if (filing && target.id === "results" && document.getElementById("results").dataset.total !== "0" && !filing.querySelector("[data-begun]")) filing.replaceChildren();
  if (filing && target === filing && requestConfig.triggeringEvent?.type === "click") (filing.querySelector("#subject, a.button") || filing).focus();
  if (target.id === "cards") settle(target);
});

// An answer that would lead away from a form, its session being over, is told in the form instead.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const draft = forms.get(event.target.closest("form"));
  if (!draft || !event.detail.xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  draft.end();
});

// Once somebody says what solves it, what they typed just before asks for nothing more (it would
// abort what is on its way) and nothing late takes the place of what they are told.
document.addEventListener("htmx:confirm", (event) => {
  if (event.target.id === "cards" && event.target.querySelector(".helped, .htmx-request")) event.preventDefault();
});

// Suggestions: unfolded where they have a column of their own, told once they have settled.
const ROOMY = matchMedia("(min-width: 62.5rem)");
let settling;

function unfold() {
  if (ROOMY.matches) for (const bar of document.querySelectorAll(".filing [data-unfold]")) bar.open = true;
}

function settle(cards) {
  clearTimeout(settling);
  if (cards.querySelector(".helped")) return cards.querySelector(".helped").focus();
  settling = setTimeout(() => {
    document.getElementById("kb-status").textContent = document.getElementById("suggestions-count").textContent;
    tellShown(cards);
  }, 1200);
}

function tellShown(cards) {
  const told = new FormData();
  for (const card of cards.querySelectorAll("[data-target]")) told.append("shown", card.dataset.target);
  if (told.has("shown")) tellVisit(told);
}

ROOMY.addEventListener("change", unfold);
unfold();
document.addEventListener("htmx:load", unfold);
document.addEventListener("toggle", (event) => {
  const card = event.target.open && event.target.closest("[data-target]");
  if (card) tellOpened(card);
}, true);

document.addEventListener("keydown", (event) => {
  const read = event.key === "Escape" && event.target.closest(".suggestion details[open]");
  if (!read) return;
  read.open = false;
  read.querySelector("summary").focus();
});

// The notice of a request that was sent shows once.
if (document.getElementById("thanks")) {
  history.replaceState(history.state, "", location.pathname);
  document.getElementById("thanks").focus({ preventScroll: true });
}
