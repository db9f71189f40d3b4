// What is open, who is signed in, and where it all stands on the screen.
const open = { demo: document.documentElement.dataset.demo === "yes", chat: document.documentElement.dataset.chat === "yes" };
const troubles = new Map();

function connection(part, text) {
  troubles.set(part, text);
  $("connection").textContent = [...new Set(troubles.values())].filter(Boolean).join(" ");
}

function layout() {
  const panels = [];
  if (!$("chat").hidden) panels.push("chat");
  if (!$("console").hidden) panels.push("console");
  if (!$("side").hidden) panels.push("side");
  if (!$("sign-in").hidden) panels.push("sign-in");
  $("main").dataset.panels = panels.join(" ");
  $("tabs").hidden = panels.length < 2;
  for (const tab of $("tabs").children) tab.hidden = !panels.includes(tab.dataset.tab);
  if (!panels.includes($("main").dataset.tab) && panels[0] !== "sign-in") showTab(panels[0]);
}

function showTab(name) {
  $("main").dataset.tab = name;
  for (const tab of $("tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
  if (name === "chat") toEnd($("scroll"));
  if (name === "console") toEnd($("transcript-scroll"));
}

// === Signing in ===

function showSignIn() {
  $("chat").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-open").hidden = true;
  layout();
  $("token").focus();
}

async function signIn() {
  wire.token = $("token").value.trim();
  $("sign-in-problem").textContent = "";
  try {
    await ask("GET", "/api/console/conversations");
  } catch (problem) {
    wire.token = null;
    $("sign-in-problem").textContent = problem.status === 401 ? "That is not the admin token." : problem.message;
    return;
  }
  sessionStorage.setItem("fd_token", wire.token);
  $("token").value = "";
  signedIn();
}

function signedIn() {
  $("sign-in").hidden = true;
  $("sign-in-open").hidden = true;
  $("chat").hidden = !open.chat;
  startConsole();
  layout();
}

function signOut() {
  wire.token = null;
  sessionStorage.removeItem("fd_token");
  stopConsole();
  if (open.chat) {
    $("chat").hidden = false;
    $("sign-in-open").hidden = false;
    layout();
  } else showSignIn();
}

function start() {
  wireConsole();
  wireKommo();
  wireLetter();
  for (const tab of $("tabs").children) tab.addEventListener("click", () => showTab(tab.dataset.tab));
  $("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn();
  });
  $("sign-in-open").addEventListener("click", showSignIn);
  $("sign-out").addEventListener("click", signOut);
  window.addEventListener("hashchange", () => {
    const key = linkedConversation(location.hash);
    if (desk.rows.some((row) => row.key === key)) choose(key);
  });
  if (open.chat) startChat();
  if (open.demo || wire.token) signedIn();
  else if (open.chat) $("sign-in-open").hidden = false;
  else showSignIn();
  layout();
  updateSteps();
  if (open.chat && matchMedia("(min-width: 821px)").matches) $("draft").focus();
}

start();
