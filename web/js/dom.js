// Building blocks: elements, times, links. Nothing here ever parses HTML.
const $ = (id) => document.getElementById(id);

// What the page says to customers, in their browser's language.
const said = JSON.parse(document.documentElement.dataset.words);

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// Times are written as the reader's browser does it, unless the page speaks another language.
const locale = navigator.language.startsWith(document.documentElement.lang) ? navigator.language : document.documentElement.lang;

function clock(millis) {
  const at = new Date(millis);
  const time = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  const today = at.toDateString() === new Date().toDateString();
  return today ? time : `${at.toLocaleDateString(locale, { day: "numeric", month: "short" })}, ${time}`;
}

function timeNode(millis) {
  const at = new Date(millis);
  return el("time", { datetime: at.toISOString(), title: at.toLocaleString(locale) }, clock(millis));
}

// Text with its addresses made into links; everything stays text.
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g).map((part, index) =>
    index % 2 ? el("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part
  );
}

// A note to colleagues is written in a little Markdown: bold words and lists.
function marked(text) {
  return text.split("\n").flatMap((line, index) => {
    const item = line.replace(/^\s*- /, "• ");
    const plain = (part) => part.replace(/\\([^\w\s])/g, "$1");
    const parts = item.split(/\*\*(.+?)\*\*/g).flatMap((part, at) => (at % 2 ? [el("b", {}, plain(part))] : linked(plain(part))));
    return index ? ["\n", ...parts] : parts;
  });
}

// The conversation that a link of ours leads to, if it leads to one.
function linkedConversation(link) {
  const found = link.match(/#conversation=([^&]+)/);
  try {
    return found ? decodeURIComponent(found[1]) : "";
  } catch {
    return "";
  }
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// === One message in a log ===

const MARKS = { you: "person", bot: "bot", agent: "person" };
const TOGETHER = 3 * 60 * 1000;

function statusText(entry) {
  if (entry.assignee === "person") return said.joined;
  if (entry.status === "pending") return said["bot-again"];
  if (entry.status === "resolved") return said.closed;
  return null;
}

// Appends an entry to a log. Messages of one sender that follow one another closely share a head.
function appendEntry(log, entry, name) {
  const text = entry.kind === "status" ? statusText(entry) : entry.text;
  if (!text) return null;
  const quiet = entry.kind === "status" || entry.kind === "activity";
  const last = log.lastElementChild;
  const together = last && last.dataset.who === entry.who && last.dataset.kind === entry.kind && entry.at - Number(last.dataset.at) < TOGETHER;
  const more = together && entry.who !== "system";
  const label = entry.kind === "note" ? "Private note" : name || said[entry.who];
  const node = el(
    "div",
    { class: ["msg", entry.who, entry.kind === "note" && "note", more && "more", quiet && "quiet"].filter(Boolean).join(" ") },
    MARKS[entry.who] ? el("span", { class: `avatar ${entry.who}` }, icon(MARKS[entry.who])) : null,
    el("div", { class: "meta" }, el("b", {}, label), timeNode(entry.at), " "),
    el("div", { class: "bubble", dir: "auto", title: new Date(entry.at).toLocaleString(locale) }, ...(entry.kind === "note" ? marked(text) : linked(text)))
  );
  Object.assign(node.dataset, { who: entry.who, kind: entry.kind, at: entry.at, id: entry.id || "" });
  log.append(node);
  return node;
}

const NEAR_END = 90;

function isAtEnd(scroll) {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;
}

// A log that is read at its end stays there when a panel above it opens, or the window changes. Browsers tell of a scroll before
// they tell of the new height, so what was the end is measured by the greater of the two.
function staysAtEnd(scroll) {
  let wasAtEnd = true;
  let height = scroll.clientHeight;
  scroll.addEventListener("scroll", () => {
    wasAtEnd = scroll.scrollHeight - scroll.scrollTop - Math.max(height, scroll.clientHeight) < NEAR_END;
  });
  new ResizeObserver(() => {
    if (wasAtEnd) toEnd(scroll);
    height = scroll.clientHeight;
  }).observe(scroll);
}

function toEnd(scroll) {
  scroll.scrollTop = scroll.scrollHeight;
}
