// The page on which an article is written: tools above the text, links picked by the title of what
// they lead to, pictures and files pasted or dropped, and the way to a line that something is said
// of. All of it can be typed or chosen in the form as well.

const LARGEST = 500 * 1024; // bytes of a picture that articles may have
const WIDEST = 1600; // pixels

// The browser's own way to insert keeps what Ctrl Z takes back.
function put(area, text, from = text.length, to = from) {
  const start = area.selectionStart;
  area.focus();
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  area.setSelectionRange(start + from, start + to);
}

function around(area, before, after, sample) {
  const chosen = area.value.slice(area.selectionStart, area.selectionEnd);
  if (chosen.length > before.length + after.length && chosen.startsWith(before) && chosen.endsWith(after)) {
    const inner = chosen.slice(before.length, -after.length);
    return put(area, inner, 0, inner.length);
  }
  const words = chosen || sample;
  put(area, before + words + after, before.length, before.length + words.length);
}

// Whole lines, between empty ones; what stands for words to write is chosen.
function block(area, linesOf, sample) {
  const { value } = area;
  const start = value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const next = value.indexOf("\n", area.selectionEnd);
  const end = next < 0 ? value.length : next;
  const chosen = value.slice(start, end);
  const above = !start || value.slice(0, start).endsWith("\n\n") ? "" : "\n";
  const below = value.slice(end).startsWith("\n\n") || end === value.length ? "" : "\n";
  const text = linesOf((chosen || sample).split("\n")).join("\n");
  const words = above.length + (chosen ? text.length : Math.max(0, text.indexOf(sample)));
  area.setSelectionRange(start, end);
  put(area, above + text + below, words, words + (chosen ? 0 : sample.length));
}

const row = (cells) => `| ${cells.map((cell) => cell.trim().replaceAll("|", "\\|")).join(" | ")} |`;

function tableOf(lines) {
  const cells = lines.map((line) => line.split("\t"));
  const columns = Math.max(...cells.map((line) => line.length));
  const rows = cells.map((line) => row([...line, ...Array(columns - line.length).fill("")]));
  return [rows[0], row(Array(columns).fill("---")), ...rows.slice(1)];
}

const TOOLS = {
  bold: (area, sample) => around(area, "**", "**", sample),
  italic: (area, sample) => around(area, "*", "*", sample),
  heading: (area, sample) => block(area, (lines) => [`## ${lines.join(" ").replace(/^#+ /, "")}`], sample),
  list: (area, sample) => block(area, (lines) => lines.map((line) => `- ${line.replace(/^[-*] /, "")}`), sample),
  link: (area, sample) => {
    const words = area.value.slice(area.selectionStart, area.selectionEnd) || sample;
    put(area, `[${words}](https://)`, words.length + 3, words.length + 11);
  },
  code: (area, sample) => {
    const isLong = area.value.slice(area.selectionStart, area.selectionEnd).includes("\n");
    if (isLong) block(area, (lines) => ["```", ...lines, "```"], sample);
    else around(area, "`", "`", sample);
  },
  table: (area, sample) => block(area, (lines) => tableOf(lines[0].includes("\t") ? lines : [`${lines[0]}\t${sample} 2`, "\t"]), sample),
  callout: (area, sample) => block(area, (lines) => ["> [!NOTE]", ...lines.map((line) => `> ${line}`)], sample),
  picture: () => document.getElementById("file").click(),
};
const KEYS = { b: "bold", i: "italic", k: "link" };

// A picture that is too heavy for a page, made lighter; the file itself where that does not help.
async function lighter(file) {
  if (!/^image\/(png|jpeg|webp)$/.test(file.type) || file.size <= LARGEST) return file;
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return file;
  const scale = Math.min(1, WIDEST / picture.width);
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const body = await new Promise((done) => canvas.toBlob(done, "image/webp", 0.85));
  return body && body.size < file.size ? new File([body], file.name.replace(/\.\w+$/, "") + (body.type === "image/webp" ? ".webp" : ".png"), { type: body.type }) : file;
}

async function bring(area, files) {
  const told = document.getElementById("article-files").dataset;
  const form = document.getElementById("article-form");
  const [status, problem] = [document.getElementById("kb-status"), document.getElementById("kb-problem")];
  problem.textContent = "";
  for (const file of files) {
    status.textContent = told.sending;
    const fields = new FormData(form);
    fields.set("file", await lighter(file));
    const answer = await fetch(`${form.getAttribute("action")}/files`, { method: "POST", body: fields, headers: { "HX-Request": "true" } }).catch(() => null);
    const text = answer ? await answer.text() : "";
    if (!answer?.ok) {
      status.textContent = "";
      problem.textContent = answer?.headers.get("Content-Type").startsWith("text/plain") ? text : told.lost;
      return;
    }
    const [from, to] = [text.indexOf("‹"), text.indexOf("›") + 1];
    put(area, text, ...(from < 0 ? [] : [from, to]));
    status.textContent = told.taken;
  }
}

function prepare() {
  const area = document.getElementById("article-body");
  const tools = document.getElementById("text-tools");
  const file = document.getElementById("file");
  if (!area || !tools.hidden) return;
  tools.hidden = false;
  const use = (name) => TOOLS[name](area, tools.querySelector(`[data-tool=${name}]`).dataset.sample);
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tool]");
    if (button) use(button.dataset.tool);
  });
  area.addEventListener("keydown", (event) => {
    const name = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && KEYS[event.key.toLowerCase()];
    if (!name) return;
    event.preventDefault();
    event.stopPropagation(); // elsewhere Ctrl K opens the search
    use(name);
  });
  area.addEventListener("paste", (event) => {
    const { files, types } = event.clipboardData;
    const lines = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "").split(/\r?\n/);
    if (files.length && !types.includes("text/plain")) {
      event.preventDefault();
      bring(area, [...files]);
    } else if (lines.length > 1 && lines.every((line) => line.includes("\t")) && event.clipboardData.getData("text/html").includes("<t")) {
      event.preventDefault(); // cells of a spreadsheet
      put(area, `${tableOf(lines).join("\n")}\n`);
    }
  });
  area.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    bring(area, [...event.dataTransfer.files]);
  });
  file.addEventListener("change", () => {
    const files = [...file.files];
    file.value = "";
    bring(area, files);
  });
  const language = () => document.getElementById("article-form").elements.language.value;
  offerInsertions(area, document.getElementById("article-links"), /()(\[\[)([^[\]\n]{0,60})$/, (sign, words) => ({ q: words, language: language() }));
}

prepare();
document.addEventListener("htmx:afterSwap", prepare);

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  const text = document.getElementById("article-body");
  if (!link || !text || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length);
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + lines[line - 1].length);
  text.scrollTop = Math.max(0, (text.scrollHeight * (line - 4)) / lines.length);
});
