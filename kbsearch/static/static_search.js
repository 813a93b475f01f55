// The search of a static site. search_index.py folds texts the same way: both must agree.
(() => {
  const list = document.querySelector("#results");
  const note = document.querySelector("#note");
  const box = document.querySelector("#q");
  const cjk = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af";
  const pieces = new RegExp(`[${cjk}]|[^${cjk}]+`, "gu");

  function folded(text) {
    const plain = text.toLowerCase().replace(/œ/g, "oe").replace(/æ/g, "ae").replace(/ß/g, "ss")
      .normalize("NFKD").replace(/\p{M}/gu, "").normalize("NFC");
    const words = (plain.match(/[\p{L}\p{N}]+/gu) || []).flatMap((word) => word.match(pieces));
    return words.map((word) => (word.length >= 4 && /[sx]$/.test(word) ? word.slice(0, -1) : word));
  }

  // The points of each page for a word, and for the words that begin with it.
  function points(term, { pages, words }) {
    const found = new Map();
    for (const word of Object.keys(words)) {
      if (!word.startsWith(term)) continue;
      const entries = words[word];
      const rarity = Math.log(1 + pages.length / (entries.length / 2));
      for (let place = 0; place < entries.length; place += 2) {
        const score = entries[place + 1] * rarity * (word === term ? 1 : 0.5);
        found.set(entries[place], Math.max(found.get(entries[place]) || 0, score));
      }
    }
    return found;
  }

  // Pages with every word come first; where there is none, those with most of them.
  function ranked(text, index) {
    const terms = [...new Set(folded(text))];
    const scores = new Map();
    for (const term of terms)
      for (const [page, score] of points(term, index)) {
        const [count, sum] = scores.get(page) || [0, 0];
        scores.set(page, [count + 1, sum + score]);
      }
    const order = [...scores].sort(([, [c, s]], [, [d, t]]) => d - c || t - s);
    const most = order.length ? order[0][1][0] : 0;
    return order.filter(([, [count]]) => count === most).map(([page]) => index.pages[page]);
  }

  function line([url, title, summary]) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = url;
    link.textContent = title;
    const words = document.createElement("p");
    words.className = "hint";
    words.textContent = summary;
    item.append(link, words);
    return item;
  }

  function show(text) {
    const pages = text.trim() ? ranked(text, window.kbsearch).slice(0, 50) : [];
    list.replaceChildren(...pages.map(line));
    const { none, one, many } = note.dataset;
    const words = pages.length === 1 ? one : many.replace("{}", pages.length);
    note.textContent = !text.trim() ? "" : pages.length ? words : none;
  }

  box.value = new URLSearchParams(location.search).get("q") || "";
  box.addEventListener("input", () => show(box.value));
  show(box.value);
})();
