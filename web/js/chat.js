// The customer's chat. The feed on the server is the truth; what was just typed is shown at once and settled by it.
const chat = { source: null, typingTimer: 0, newest: 0, wrote: false, answered: false, status: null };

function startChat() {
  $("chat").hidden = false;
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    sendDraft();
  });
  $("draft").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      sendDraft();
    }
  });
  $("draft").addEventListener("input", () => growDraft());
  for (const chip of $("chips").children) chip.addEventListener("click", () => send(chip.textContent));
  $("reset").addEventListener("click", resetChat);
  $("newer").addEventListener("click", () => toEnd($("scroll")));
  $("scroll").addEventListener("scroll", () => {
    if (isAtEnd($("scroll"))) $("newer").hidden = true;
  });
  staysAtEnd($("scroll"));
  openChatEvents();
}

function openChatEvents() {
  if (chat.source) chat.source.close();
  const source = new EventSource("/chat/events");
  chat.source = source;
  source.addEventListener("open", () => connection("chat", ""));
  source.addEventListener("message", (event) => shown(JSON.parse(event.data)));
  source.addEventListener("status", (event) => shown(JSON.parse(event.data)));
  source.addEventListener("typing", (event) => typing(JSON.parse(event.data).on));
  source.addEventListener("cleared", clearChat);
  source.addEventListener("error", () => {
    connection("chat", said.reconnecting);
    // A browser gives up on an answer that is not a stream; the desk may merely be restarting.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => chat.source === source && openChatEvents(), 2000);
  });
}

// An entry of the feed arrived: it settles the pending message it was, or is new.
function shown(entry) {
  const pending = [...$("log").children].find((node) => node.dataset.id === entry.id);
  if (pending) {
    settle(pending);
    if (entry.who === "you") chat.wrote = true;
  }
  // A stream that was opened anew tells everything again.
  const known = entry.seq <= chat.newest;
  chat.newest = Math.max(chat.newest, entry.seq);
  if (pending || known) return;
  if (entry.kind === "status") {
    const same = chat.status === `${entry.status} ${entry.assignee}`;
    const first = chat.status === null && entry.status === "pending";
    chat.status = `${entry.status} ${entry.assignee}`;
    if (same || first) return;
  }
  if (entry.who === "bot" || entry.kind === "handoff") typing(false);
  if (entry.who === "you") chat.wrote = true;
  if (entry.who === "bot") chat.answered = true;
  append(entry);
}

function append(entry) {
  const scroll = $("scroll");
  const follow = isAtEnd(scroll) || entry.who === "you";
  $("chat-empty").hidden = true;
  const node = appendEntry($("log"), entry);
  if (!node) return null;
  if (follow) toEnd(scroll);
  else $("newer").hidden = false;
  updateSteps();
  return node;
}

// A line of the page itself, about something the customer did not say.
function systemNote(text) {
  if ($("chat").hidden) return;
  append({ who: "system", kind: "local", text, at: Date.now(), id: "" });
}

function typing(on) {
  clearTimeout(chat.typingTimer);
  const follow = isAtEnd($("scroll"));
  $("typing").hidden = !on;
  if (on && follow) toEnd($("scroll"));
  if (on) chat.typingTimer = setTimeout(() => typing(false), 30000);
}

function growDraft() {
  const draft = $("draft");
  $("chat-problem").textContent = draft.value.length > 3600 ? `${said.left} ${4000 - draft.value.length}` : "";
  if (CSS.supports("field-sizing", "content")) return;
  draft.rows = Math.min(5, draft.value.split("\n").length);
}

function sendDraft() {
  const text = $("draft").value.trim();
  if (!text) return;
  $("draft").value = "";
  growDraft();
  send(text);
}

function send(text) {
  const id = newId();
  const node = append({ who: "you", kind: "text", text, at: Date.now(), id: `in:${id}` });
  chat.wrote = true;
  updateSteps();
  $("draft").focus();
  return post(node, id, text);
}

async function post(node, id, text) {
  node.classList.add("pending");
  node.querySelector(".state")?.remove();
  try {
    await ask("POST", "/chat/messages", { text, id });
    settle(node);
  } catch (problem) {
    // The entry may have arrived by the stream although the answer was lost; then there is nothing to repeat.
    if (!node.classList.contains("pending")) return;
    const again = el("button", { type: "button", on: { click: () => sendAgain(node, id, text) } }, said["send-again"]);
    const follow = isAtEnd($("scroll"));
    node.append(el("div", { class: "state", role: "alert" }, `${said["not-sent"]} ${problem.message}`, again));
    if (follow) toEnd($("scroll"));
  }
}

// What was said meanwhile was said before it.
function sendAgain(node, id, text) {
  $("log").append(node);
  node.classList.remove("more");
  toEnd($("scroll"));
  return post(node, id, text);
}

function settle(node) {
  node.classList.remove("pending");
  node.querySelector(".state")?.remove();
}

function clearChat() {
  $("log").replaceChildren();
  $("chat-empty").hidden = false;
  $("newer").hidden = true;
  Object.assign(chat, { newest: 0, wrote: false, answered: false, status: null });
  typing(false);
  updateSteps();
}

async function resetChat() {
  try {
    const answer = await ask("POST", "/chat/reset");
    document.documentElement.dataset.conversation = answer.conversation;
    clearChat();
    resetSteps();
    openChatEvents();
    $("draft").focus();
  } catch (problem) {
    $("chat-problem").textContent = problem.message;
  }
}
