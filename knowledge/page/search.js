// Search as one types, in the bundles that Pagefind made of the pages. Nothing is loaded before the
// field is used. Each word is looked up by itself and counts by how rare it is, so that a question
// finds notes that don't have all of its words.
const form = document.querySelector("#search");
const field = form.querySelector("#query");
const status = form.querySelector("#status");
const list = form.querySelector("#results");
const root = new URL(form.dataset.root, location.href);
const MOST = 8;
// Words of questions that say nothing of what is asked about, English and German.
const COMMON = new Set((
  "a an and are be can could do does for from get how i in is it me much must my of on or should " +
  "the there this to was we what when where which who why will with you your " +
  "auf das dem den der die du ein eine einen er es für gibt habe hat ich im in ist kann man mein " +
  "meine mich mir mit muss oder sein sich sind soll und von wann war warum was welche welcher wenn " +
  "wer wie wir wird wo zu zum zur"
).split(" "));
let engine, asked = 0;

async function load() {
  const bundles = await (await fetch(new URL("search/bundles.json", root))).json();
  return Promise.all(bundles.map(async ({ name, pages }) => {
    const folder = new URL(`search/${name}/`, root);
    const { createInstance } = await import(new URL("pagefind.js", folder));
    return { pages, made: createInstance({ basePath: folder.pathname, baseUrl: root.pathname }) };
  }));
}

function wordsOf(query) {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [])].slice(0, 20);
  const telling = words.filter((word) => !COMMON.has(word));
  return telling.length ? telling : words;
}

async function ranked(query) {
  const engines = await (engine ??= load());
  const pages = engines.reduce((sum, each) => sum + each.pages, 0);
  const found = new Map();
  await Promise.all(wordsOf(query).map(async (word) => {
    const hits = (await Promise.all(engines.map((each) => each.made.search(word))))
      .flatMap((answer) => answer.results);
    const rarity = Math.log(1 + pages / (hits.length + 0.5));
    for (const hit of hits) {
      const known = found.get(hit.id) ?? { score: 0, best: 0, hit };
      const score = hit.score * rarity;
      found.set(hit.id, {
        score: known.score + score,
        best: Math.max(known.best, score),
        hit: score > known.best ? hit : known.hit,
      });
    }
  }));
  return [...found.values()].sort((a, b) => b.score - a.score);
}

// An excerpt has no mark-up but `mark`; whatever else it has is text.
function excerpt(html) {
  const paragraph = document.createElement("p");
  for (const node of new DOMParser().parseFromString(html, "text/html").body.childNodes) {
    const shown = document.createElement(node.nodeName === "MARK" ? "mark" : "span");
    shown.textContent = node.textContent;
    paragraph.append(shown);
  }
  return paragraph;
}

function item(data) {
  const link = document.createElement("a");
  link.href = data.url;
  link.textContent = data.meta.title;
  link.dir = "auto";
  const row = document.createElement("li");
  row.append(link, excerpt(data.excerpt));
  return row;
}

async function search() {
  const query = field.value.trim();
  const turn = ++asked;
  if (!wordsOf(query).length) {
    list.replaceChildren();
    status.textContent = "";
    return;
  }
  try {
    const hits = await ranked(query);
    const shown = await Promise.all(hits.slice(0, MOST).map(({ hit }) => hit.data()));
    if (turn !== asked) return;
    list.replaceChildren(...shown.map(item));
    status.textContent = hits.length ? `${form.dataset.found} ${hits.length}` : form.dataset.none;
  } catch (error) {
    engine = undefined;
    status.textContent = form.dataset.failed;
    throw error;
  }
}

let waiting;
field.addEventListener("focus", () => { engine ??= load(); engine.catch(() => { engine = undefined; }); });
field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 120); });
form.addEventListener("submit", (event) => { event.preventDefault(); list.querySelector("a")?.click(); });
form.addEventListener("keydown", (event) => {
  const stops = [field, ...list.querySelectorAll("a")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(document.activeElement) + step))].focus();
  } else if (event.key === "Escape") {
    field.value = "";
    field.focus();
    search();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== field) {
    event.preventDefault();
    field.focus();
  }
});
form.hidden = false;
