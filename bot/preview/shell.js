const key = location.hash.slice(1);
const element = (id) => document.getElementById(id);
const [viewer, places, hello, forum, channel, problem, menu] =
  ["viewer", "places", "hello", "forum", "channel", "problem", "menu"].map(element);
const HELLO = "hello";
let state = { viewer: "", people: [], places: [], example: "" };
let current = HELLO;
let loads = 0;
// The newest message of each place that each person has looked at.
const looked = new Map();

async function request(path, body) {
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: { "X-Simcord-Capability": key, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  problem.hidden = response.ok;
  if (!response.ok) problem.textContent = answer.problem || "The preview has ended, or this address is an old one.";
  return response.ok ? answer : null;
}

const placeOf = (id) => state.places.find((place) => place.id === id);
const mark = (place) => `${state.viewer}:${place.id}`;
const label = (place) => ({ text: "", forum: "", post: "↳ ", direct: "✉ " })[place.kind]
  + (place.kind === "text" || place.kind === "forum" ? place.name.replace("#", place.kind === "forum" ? "≡ " : "# ") : place.name);

function button(text, pressed, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = kind;
  made.addEventListener("click", pressed);
  return made;
}

function draw() {
  viewer.replaceChildren(...state.people.map((person) => new Option(person.name, person.id)));
  viewer.value = state.viewer;
  const start = button("Start here", () => show(HELLO));
  const listed = state.places.map((place) => {
    const made = button(label(place), () => show(place.id), place.kind);
    made.title = place.name;
    if (place.id === current) looked.set(mark(place), place.newest);
    else if (BigInt(place.newest) > BigInt(looked.get(mark(place)) || "0")) made.classList.add("news");
    return made;
  });
  [start, ...listed].forEach((made, at) => {
    const id = at ? state.places[at - 1].id : HELLO;
    made.setAttribute("aria-current", id === current ? "page" : "false");
  });
  const focused = [...places.children].indexOf(document.activeElement);
  places.replaceChildren(start, ...listed);
  places.children[focused]?.focus();
  hintAtMore();
  const posts = [];
  const from = state.places.findIndex((place) => place.id === current);
  for (const place of state.places.slice(from + 1)) {
    if (place.kind !== "post") break;
    const item = document.createElement("li");
    item.append(button(place.name, () => show(place.id)));
    posts.push(item);
  }
  element("posts").replaceChildren(...posts);
}

// On a narrow page the channels are in one line, part of which is beyond the edges.
function hintAtMore() {
  const beyond = places.scrollWidth - places.clientWidth - places.scrollLeft;
  places.classList.toggle("more-left", places.scrollLeft > 4);
  places.classList.toggle("more-right", beyond > 4);
}

function show(id) {
  const place = placeOf(id);
  if (!place) id = HELLO;
  current = id;
  hello.hidden = id !== HELLO;
  forum.hidden = place?.kind !== "forum";
  channel.hidden = !place?.page;
  menu.hidden = true;
  if (place?.kind === "forum") {
    element("forum-name").textContent = place.name.replace("#", "");
    element("poster").textContent = state.people.find((person) => person.id === state.viewer)?.name || "";
    if (!element("title").value) { element("title").value = state.example; element("text").value = state.example; }
  }
  // Loaded anew each time, also the same channel: somebody else may look.
  delete channel.dataset.loaded;
  if (place?.page) channel.src = place.page.replace("#", `?${loads += 1}#`);
  draw();
  places.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function refresh() {
  const found = await request("/shell/state");
  if (!found) return;
  const changed = JSON.stringify(found) !== JSON.stringify(state);
  const left = found.viewer !== state.viewer;
  state = found;
  element("own").textContent = `${state.program} preview --index docs/`;
  if (left || (current !== HELLO && !placeOf(current))) show(current);
  else if (changed) draw();
}

async function act(path, body) {
  document.body.setAttribute("aria-busy", "true");
  const answer = await request(path, body);
  await refresh();
  document.body.removeAttribute("aria-busy");
  return answer;
}

viewer.addEventListener("change", () => act("/shell/viewer", { viewer: viewer.value }));
for (const made of document.querySelectorAll("[data-thing]")) {
  made.addEventListener("click", async () => {
    made.disabled = true;
    const answer = await act("/shell/start", { thing: made.dataset.thing });
    made.disabled = false;
    if (answer) show(answer.place);
  });
}
element("post").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [title, text] = [element("title"), element("text")];
  const answer = await act("/shell/post", { forum: current, title: title.value, text: text.value });
  if (answer) { title.value = text.value = ""; show(answer.place); }
});

// The Apps menu: simcord's page has none, so each message gets a button for it.
function openMenu(messageId, left, top) {
  const place = placeOf(current);
  if (!place?.menus.length) return;
  const title = document.createElement("p");
  title.textContent = "Apps";
  menu.replaceChildren(title, ...place.menus.map((name) => button(name, () => {
    menu.hidden = true;
    act("/shell/menu", { place: place.id, message: messageId, name });
  })));
  menu.hidden = false;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(top, innerHeight - menu.offsetHeight - 8))}px`;
  menu.querySelector("button").focus();
}

function addApps(page) {
  for (const message of page.querySelectorAll("article.channel-message")) {
    if (message.querySelector(".commonplace-apps") || !placeOf(current)?.menus.length) continue;
    const opener = page.createElement("button");
    opener.type = "button";
    opener.className = "commonplace-apps";
    opener.textContent = "Apps";
    opener.addEventListener("click", () => {
      const [outer, inner] = [channel.getBoundingClientRect(), opener.getBoundingClientRect()];
      openMenu(message.dataset.messageId, outer.left + inner.left, outer.top + inner.bottom);
    });
    message.prepend(opener);
  }
}

// The newest message is kept in view, also where it grows while it is drawn, until the viewer scrolls
// away from it. What they send brings it back, and so does a new message after they pressed something.
function followNewest(page, list) {
  const timeline = page.getElementById("channel-timeline");
  let following = true;
  let until = Date.now() + 2000;
  let next = 0;
  const down = () => {
    next = 0;
    if (!following) return;
    timeline.scrollTop = timeline.scrollHeight;
    if (Date.now() < until) next = requestAnimationFrame(down);
  };
  const follow = () => {
    until = Math.max(until, Date.now() + 500);
    next ||= requestAnimationFrame(down);
  };
  const sent = () => { following = true; follow(); };
  let scrolling = 0;
  const looked = () => {
    scrolling = 0;
    following = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 40;
  };
  // A browser scrolls some frames after a wheel's event, and for a while: until it is at rest,
  // nothing brings the newest message back.
  const scroll = () => {
    following = false;
    clearTimeout(scrolling);
    scrolling = setTimeout(looked, 150);
  };
  for (const moved of ["wheel", "touchmove"]) timeline.addEventListener(moved, scroll, { passive: true });
  timeline.addEventListener("scroll", () => { if (scrolling) scroll(); }, { passive: true });
  for (const moved of ["pointerdown", "keydown"]) {
    timeline.addEventListener(moved, () => requestAnimationFrame(looked), { passive: true });
  }
  page.getElementById("channel-composer").addEventListener("submit", sent, { capture: true });
  page.addEventListener("click", (event) => { if (event.target.closest("[aria-label=Send]")) sent(); }, { capture: true });
  page.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !timeline.contains(event.target)) sent();
  }, { capture: true });
  const newest = () => BigInt(
    [...list.querySelectorAll("article.channel-message")].at(-1)?.dataset.messageId || "0",
  );
  let shown = newest();
  let pressed = false;
  page.addEventListener("click", () => { pressed = true; }, { capture: true });
  new MutationObserver(() => {
    if (pressed && newest() > shown) { pressed = false; sent(); }
    shown = newest();
  }).observe(list, { childList: true });
  const grown = new ResizeObserver(follow);
  grown.observe(list);
  grown.observe(timeline);
  follow();
}

// simcord's page drops clicks during its requests, such as those after a change of its size. The last
// one is repeated afterwards, unless it is a second click on the same button.
function keepClicks(page) {
  const pending = () => {
    const { pendingAction, awaitingRevision, publishedRevision } = page.defaultView?.simcordPreview ?? {};
    return pendingAction || (awaitingRevision > publishedRevision && {});
  };
  let kept = 0;
  page.addEventListener("click", (event) => {
    clearInterval(kept);
    const button = event.target.closest("button.component-button[data-control-key]");
    const action = button && pending();
    if (!action) return;
    event.stopImmediatePropagation();
    const { controlKey } = button.dataset;
    if (action.controlKey === controlKey) return;
    kept = setInterval(() => {
      if (pending()) return;
      clearInterval(kept);
      page.querySelector(`[data-control-key="${CSS.escape(controlKey)}"]`)?.click();
    }, 50);
  }, { capture: true });
}

channel.addEventListener("load", () => {
  channel.dataset.loaded = "";
  const page = channel.contentDocument;
  const list = page?.getElementById("channel-message-list");
  if (!list) return;
  new MutationObserver(() => addApps(page)).observe(list, { childList: true, subtree: true });
  addApps(page);
  followNewest(page, list);
  keepClicks(page);
  page.addEventListener("click", (event) => {
    if (!event.target.closest(".commonplace-apps")) menu.hidden = true;
  });
});
addEventListener("keydown", (event) => { if (event.key === "Escape") menu.hidden = true; });
addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.hidden = true; });

places.addEventListener("scroll", hintAtMore, { passive: true });
addEventListener("resize", hintAtMore);

await refresh();
setInterval(refresh, 1000);
