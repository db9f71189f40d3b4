// The colleagues' console: the list comes over the stream, the chosen conversation is read when it changes.
const desk = { rows: [], selected: null, chosen: false, whole: null, stop: null, reading: false, again: false, human: null, paused: false };

const PHASES = { awaiting_email: "Asking for address", pending_verification: "Verifying", bot: "Bot", human: "Human" };

function startConsole() {
  $("console").hidden = false;
  $("human").hidden = false;
  $("stop").hidden = false;
  $("sign-out").hidden = document.documentElement.dataset.demo === "yes";
  if (desk.stop) desk.stop();
  desk.stop = listen("/api/console/events", consoleEvent, (state) => {
    if (state === "refused") return signOut();
    connection("console", state === "away" ? said.reconnecting : "");
  });
}

function stopConsole() {
  if (desk.stop) desk.stop();
  Object.assign(desk, { stop: null, rows: [], selected: null, chosen: false, whole: null, human: null });
  for (const id of ["console", "human", "stop", "side", "mailbox", "alerts"]) $(id).hidden = true;
}

function consoleEvent(event, data) {
  if (event === "conversations") showRows(data.conversations);
  else if (event === "changed") changed(data.key);
  else if (event === "mails") showMails(data.mails);
  else if (event === "cards") showCards(data.cards);
  else if (event === "human") showHuman(data.human_mode);
  else if (event === "paused") showPaused(data.paused);
  else if (event === "trouble") connection("store", data.detail || "");
}

// === The list ===

function showRows(rows) {
  desk.rows = rows;
  $("list-empty").hidden = rows.length > 0;
  const kept = new Map([...$("rows").children].map((node) => [node.dataset.key, node]));
  const nodes = rows.map((row) => {
    const state = JSON.stringify([row, row.key === desk.selected, own(row)]);
    const node = kept.get(row.key);
    return node && node.dataset.state === state ? node : rowNode(row, state);
  });
  const same = nodes.length === $("rows").children.length && nodes.every((node, index) => node === $("rows").children[index]);
  if (!same) replaceKeepingFocus($("rows"), nodes);
  const wanted = linkedConversation(location.hash);
  // Until a colleague chooses, the conversation that was linked to, then the one beside it on this page, is shown.
  const first = rows.find((row) => row.key === wanted) || rows.find(own) || rows[0];
  if (first && !desk.chosen && desk.selected !== first.key && (!desk.selected || own(first))) select(first.key);
  else if (desk.selected) readWhole();
  updateSteps();
}

function own(row) {
  return row.key === document.documentElement.dataset.conversation;
}

function rowNode(row, state) {
  const node = el(
    "li",
    { class: `row${row.key === desk.selected ? " selected" : ""}` },
    el(
      "button",
      { class: "open", type: "button", "data-focus": `open ${row.key}`, "aria-current": row.key === desk.selected ? "true" : null, on: { click: () => choose(row.key) } },
      el("span", { class: "line" }, el("span", { class: "name" }, row.name || row.user), timeNode(row.changed)),
      el("span", { class: "text", dir: "auto" }, row.text || (row.channel === "web" ? "" : row.key))
    ),
    el(
      "div",
      { class: "foot" },
      el("span", { class: `badge ${row.phase}`, title: row.reason ? `Because: ${words(row.reason)}` : null }, PHASES[row.phase] || row.phase),
      row.owed ? el("span", { class: "badge owed", title: "Customer messages without an answer" }, `${row.owed} waiting`) : null,
      row.held ? el("span", { class: "badge stuck", title: "Nobody knows whether these reached the customer: decide" }, `${row.held} held`) : null,
      own(row) ? el("span", { class: "badge mine" }, "you") : null,
      el("button", { class: "secondary use", type: "button", "data-focus": `use ${row.key}`, "aria-label": `Use ${row.user}`, on: { click: () => use(row.key) } }, "Use")
    )
  );
  Object.assign(node.dataset, { key: row.key, state });
  return node;
}

function replaceKeepingFocus(parent, nodes) {
  const focus = document.activeElement && parent.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  parent.replaceChildren(...nodes);
  if (focus) [...parent.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === focus)?.focus();
}

function words(name) {
  return name.replaceAll("-", " ").replaceAll("_", " ");
}

function select(key) {
  if (desk.selected !== key) desk.whole = null;
  desk.selected = key;
  $("detail-body").hidden = true;
  $("reply-problem").textContent = "";
  const row = desk.rows.find((known) => known.key === key);
  $("reply-user").value = row ? row.user : "";
  showRows(desk.rows);
}

function choose(key) {
  desk.chosen = true;
  select(key);
}

function use(key) {
  choose(key);
  $("reply-text").focus();
}

// === The chosen conversation ===

function changed(key) {
  if (!key || key === desk.selected) readWhole();
}

async function readWhole() {
  if (!desk.selected) return;
  if (desk.reading) {
    desk.again = true;
    return;
  }
  desk.reading = true;
  const key = desk.selected;
  try {
    const whole = await ask("GET", `/api/console/conversations/${encodeURIComponent(key)}`);
    if (key === desk.selected) showWhole(whole);
  } catch (problem) {
    if (key === desk.selected && problem.status !== 404) $("reply-problem").textContent = problem.message;
  }
  desk.reading = false;
  if (desk.again || key !== desk.selected) {
    desk.again = false;
    readWhole();
  }
}

function showWhole(whole) {
  const before = desk.whole;
  desk.whole = whole;
  $("detail-empty").hidden = true;
  $("detail-body").hidden = false;
  $("who-name").textContent = whole.name || whole.user;
  $("who-name").title = whole.key;
  $("who-phase").textContent = PHASES[whole.phase] || whole.phase;
  $("who-phase").className = `badge ${whole.phase}`;
  $("agent").textContent = whole.agent ? "Agent: Connected" : "Agent: Not connected";
  $("agent").classList.toggle("on", whole.agent);
  $("connect").disabled = whole.agent;
  $("handback").disabled = whole.phase !== "human" && !whole.agent;
  $("reply").hidden = !whole.replyable;
  $("elsewhere").hidden = whole.replyable;
  $("facts").replaceChildren(...facts(whole));
  showHeld(whole);
  readWhy();
  showTranscript(whole, before);
}

function facts(whole) {
  const parts = [];
  if (whole.reason) parts.push(`reason: ${words(whole.reason)}`);
  parts.push(whole.verified ? `verified ${whole.verified.address || ""}`.trim() : "not verified", `language ${whole.lang}`);
  if (whole.thinking) parts.push("thinking…");
  if (whole.owed) parts.push(`${whole.owed} unanswered`);
  if (whole.failures) parts.push(`${whole.failures} failed model calls`);
  const stuck = whole.outbox.filter((row) => row.trouble && row.state !== "held");
  const nodes = [parts.join(" · ")];
  for (const row of stuck) nodes.push(" · ", el("span", { class: "bad" }, `${row.kind} ${row.state}: ${row.trouble || "its outcome is unknown"}`));
  return nodes;
}

// === Held rows: nobody knows whether they reached the customer, so a colleague decides ===

function showHeld(whole, again) {
  const held = whole.outbox.filter((row) => row.state === "held");
  const state = JSON.stringify(held);
  $("stuck").hidden = held.length === 0;
  // A button that is just being pressed must stay.
  if (!again && $("stuck").dataset.state === state) return;
  $("stuck").dataset.state = state;
  replaceKeepingFocus($("stuck"), held.map(heldNode));
}

function heldNode(row) {
  const button = (what, label, title) =>
    el("button", { class: "secondary", type: "button", title, "data-row": row.id, "data-focus": `${what} ${row.id}`, on: { click: () => decide(row, what) } }, label);
  return el(
    "li",
    {},
    el("p", { dir: "auto" }, el("b", {}, "Did this arrive? "), row.text || row.kind),
    row.trouble ? el("p", { class: "bad" }, row.trouble) : null,
    el("div", { class: "stuck-buttons" }, button("resend", "Send again", "It did not arrive: send it once more"), button("drop", "Drop", "It did arrive, or is not wanted any more"))
  );
}

async function decide(row, what) {
  for (const button of $("stuck").querySelectorAll("button")) if (button.dataset.row === row.id) button.disabled = true;
  if (!(await order(`outbox/${encodeURIComponent(row.id)}/${what}`, undefined, "/api/conversations"))) showHeld(desk.whole, true);
}

function showTranscript(whole, before) {
  const log = $("transcript");
  const scroll = $("transcript-scroll");
  const known = before && before.key === whole.key ? before.entries : [];
  const grown = known.length > 0 && known.length <= whole.entries.length && known.every((entry, index) => entry.id === whole.entries[index].id);
  const follow = !grown || isAtEnd(scroll);
  if (!grown) log.replaceChildren();
  for (const entry of whole.entries.slice(grown ? known.length : 0)) appendEntry(log, entry, entry.who === "you" ? whole.user : null);
  if (!follow) return;
  toEnd(scroll);
  // In a low window everything about the conversation scrolls; its newest words are what matters.
  if (grown && whole.entries.length > known.length) toEnd($("detail-body"));
}

async function order(what, body, under = "/api/console/conversations") {
  const key = desk.selected;
  $("reply-problem").textContent = "";
  try {
    await ask("POST", `${under}/${encodeURIComponent(key)}/${what}`, body);
    await readWhole();
    return true;
  } catch (problem) {
    $("reply-problem").textContent = problem.message;
    return false;
  }
}

async function sendReply() {
  const text = $("reply-text").value.trim();
  const user = $("reply-user").value.trim();
  const row = desk.rows.find((known) => known.user === user && (known.key === desk.selected || user !== desk.whole?.user));
  if (!row) {
    $("reply-problem").textContent = user ? `There is no conversation of ${user}.` : "Choose a user first.";
    return;
  }
  if (!text) return;
  if (row.key !== desk.selected) choose(row.key);
  $("reply-send").disabled = true;
  // The same id is sent again if the answer was lost, so that the customer never reads it twice.
  if (!desk.draft || desk.draft.text !== text || desk.draft.key !== row.key) desk.draft = { key: row.key, text, id: newId() };
  if (await order("reply", { text, id: desk.draft.id })) {
    desk.draft = null;
    $("reply-text").value = "";
  }
  $("reply-send").disabled = false;
  $("reply-text").focus();
}

function wireConsole() {
  staysAtEnd($("transcript-scroll"));
  $("why").addEventListener("toggle", readWhy);
  $("told").addEventListener("toggle", () => readTold(false));
  $("told-again").addEventListener("click", () => readTold(true));
  $("connect").addEventListener("click", () => order("take"));
  $("handback").addEventListener("click", () => order("handback"));
  $("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    sendReply();
  });
  $("reply-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      sendReply();
    }
  });
  $("human").addEventListener("click", toggleHuman);
  $("stop").addEventListener("click", toggleStop);
}

// === Human mode ===

function showHuman(on) {
  if (desk.human !== null && desk.human !== on) {
    systemNote(on ? said["mode-on"] : said["mode-off"]);
  }
  desk.human = on;
  $("human").setAttribute("aria-pressed", String(on));
  $("human-label").textContent = `Human Mode: ${on ? "ON" : "OFF"}`;
}

async function toggleHuman() {
  $("human").disabled = true;
  try {
    const answer = await ask("POST", "/toggle-human", { enabled: !desk.human });
    showHuman(answer.human_mode);
  } catch (problem) {
    connection("human", problem.message);
    setTimeout(() => connection("human", ""), 5000);
  }
  $("human").disabled = false;
}

// === The emergency stop ===

function showPaused(on) {
  desk.paused = on;
  $("stop").setAttribute("aria-pressed", String(on));
  $("stop-label").textContent = `Sends: ${on ? "PAUSED" : "ON"}`;
  connection("stop", on ? "Everything that leaves the desk is paused." : "");
}

async function toggleStop() {
  $("stop").disabled = true;
  try {
    const answer = await ask("POST", desk.paused ? "/api/resume" : "/api/pause");
    showPaused(answer.paused);
  } catch (problem) {
    connection("stop", problem.message);
  }
  $("stop").disabled = false;
}
