// What scripts add to every page: parts that follow what happens, times in the reader's own zone,
// and a question before what cannot be taken back. Pages work without.

const main = document.getElementById("main");
const topics = main?.dataset.live;

/** Puts an element in the place of the one with its id, or where it says that it belongs. */
function put(fresh) {
  const old = document.getElementById(fresh.id);
  if (old) {
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    // Whoever is typing or choosing is not disturbed.
    if (focused?.matches("input, select, textarea")) return;
    for (const open of old.querySelectorAll("details[id]")) {
      const same = fresh.querySelector("#" + CSS.escape(open.id));
      if (same) same.open = open.open;
    }
    for (const kept of old.querySelectorAll("[data-keep][id]")) {
      fresh.querySelector("#" + CSS.escape(kept.id))?.replaceWith(kept);
    }
    old.replaceWith(fresh);
    if (focused?.id) document.getElementById(focused.id)?.focus();
  } else {
    const place = document.getElementById(fresh.dataset.in ?? "");
    if (place) fresh.dataset.at === "start" ? place.prepend(fresh) : place.append(fresh);
  }
  enliven(fresh);
}

/** Takes elements out of HTML that the head made, and puts each in its place. */
function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const fresh of [...template.content.children]) put(fresh);
  document.dispatchEvent(new CustomEvent("swapped"));
}

let source = null;
let poll = null;

function follow() {
  if (!topics || document.hidden || source) return;
  source = new EventSource("/live?topics=" + topics.split(" ").join("."));
  source.addEventListener("swap", (event) => swap(event.data));
  source.addEventListener("error", () => {
    // Refused, and not just cut off: the page is asked for now and then instead.
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      poll ??= setInterval(reload, 10_000);
    }
  });
}

let tag = null;

async function reload() {
  if (document.hidden) return;
  const headers = tag ? { "if-none-match": tag } : {};
  const answer = await fetch(location.href, { headers }).catch(() => null);
  if (!answer?.ok) return;
  tag = answer.headers.get("etag");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of main.querySelectorAll("[id]")) {
    const fresh = page.getElementById(old.id);
    const isInner = old.parentElement.closest("#main [id]");
    if (fresh && !isInner && fresh.outerHTML !== old.outerHTML) put(document.adoptNode(fresh));
  }
}

function leave() {
  source?.close();
  source = null;
}

/** Shows times as the reader's own clock does. */
function enliven(root) {
  const lang = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(lang === "qps" ? "en" : lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = format.format(at);
  }
  for (const pair of root.querySelectorAll("[data-slider]")) slide(pair);
}

/** Lays the picture after over the picture before, and lets a slider uncover the one or the other. */
function slide(pair) {
  const [under, over] = pair.querySelectorAll("img");
  if (!over) return;
  const stage = document.createElement("div");
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50 });
  stage.className = "slider";
  over.classList.add("over");
  stage.append(under, over);
  label.append(pair.dataset.slider, input);
  const move = () => over.style.setProperty("--at", input.value + "%");
  input.addEventListener("input", move);
  move();
  pair.replaceChildren(stage, label);
  pair.className = "pair";
  pair.removeAttribute("data-slider");
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
addEventListener("pagehide", leave);
addEventListener("pageshow", follow);
document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.ask;
  if (question && !confirm(question)) event.preventDefault();
});
if (main?.dataset.again !== undefined) setInterval(reload, 2_000);
enliven(document);
follow();
