// Passkeys: a form that has one gets its challenge, has the device sign it, and is sent as any form.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (key) => ({ ...key, id: bytes(key.id) });

function prepared(options) {
  const { user, excludeCredentials = [], allowCredentials = [] } = options;
  return {
    ...options,
    challenge: bytes(options.challenge),
    ...(user && { user: { ...user, id: bytes(user.id) } }),
    excludeCredentials: excludeCredentials.map(named),
    allowCredentials: allowCredentials.map(named),
  };
}

function answered(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  response.transports = credential.response.getTransports?.() ?? [];
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {}, response });
}

async function sign(form) {
  const reply = await fetch(form.dataset.passkey, { method: "POST" });
  if (!reply.ok) throw new Error(reply.status);
  const publicKey = prepared(await reply.json());
  const credential = publicKey.user ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
  form.elements.credential.value = answered(credential);
}

for (const form of window.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const problem = form.querySelector("[role=alert]");
    button.disabled = true;
    problem.hidden = true;
    try {
      await sign(form);
      form.submit();
    } catch {
      problem.hidden = false; // it was given up, ran out, or the device has none
      button.disabled = false;
    }
  });
}
