// The account pages: copying a key or codes, printing them, seeing the password one types.
"use strict";

for (const button of document.querySelectorAll("[data-copy-from]")) {
  const { copied } = document.getElementById("kb-words").dataset;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copyFrom);
    const parts = [...source.querySelectorAll("code")].map((code) => code.textContent);
    await navigator.clipboard.writeText(parts.length ? parts.join("\n") : source.textContent.replaceAll(" ", ""));
    button.textContent = document.getElementById("kb-status").textContent = copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = field.type === "text";
    field.type = isShown ? "password" : "text";
    button.textContent = isShown ? label : button.dataset.hide;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
