// The tab Kommo of the console: how the integration stands, how it is set up, and a try without a customer.
const kommo = { open: false, reading: false };

function showConsoleTab(name) {
  kommo.open = name === "kommo";
  for (const tab of $("console-tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.console === name));
  for (const part of ["told", "split"]) $(part).hidden = kommo.open;
  $("kommo").hidden = !kommo.open;
  if (kommo.open) readKommo();
}

function showKommoPart(name) {
  for (const tab of $("kommo-tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.part === name));
  for (const part of ["status", "setup", "test"]) $(`kommo-${part}`).hidden = part !== name;
  if (name === "status") readKommo();
}

async function readKommo() {
  if (kommo.reading) return;
  kommo.reading = true;
  try {
    showKommo(await ask("GET", "/api/kommo/chat/status"));
  } catch (problem) {
    $("kommo-problem").textContent = problem.message;
  }
  kommo.reading = false;
}

const KOMMO_STATES = {
  ok: "Connected",
  refused: "Refused",
  unreachable: "Not reachable",
  not_connected: "Not connected",
  other_account: "Another account",
  on: "Answering",
  paused: "Paused: nothing leaves the desk",
  human_mode: "Human Mode: people answer",
  seen: "Seen at work",
  unknown: "Not known",
};

function kommoLine(name, state, good, detail) {
  const badge = el("span", { class: `badge ${good ? "human" : "owed"}` }, KOMMO_STATES[state] || state);
  return el("li", {}, el("b", {}, name), badge, detail ? el("span", { class: "sub" }, ...[].concat(detail)) : null);
}

function showKommo(status) {
  const { chatbot, connection, salesbot, webhook, widget } = status;
  const last = (at) => (at ? ["last ", timeNode(at)] : "nothing has come yet");
  const by = { token: "by KOMMO_TOKEN", oauth: "by OAuth", none: "" }[connection.method];
  $("kommo-problem").textContent = "";
  $("kommo-lines").replaceChildren(
    kommoLine("AI chatbot", chatbot.state, chatbot.state === "on", ""),
    kommoLine(`Account ${status.subdomain}`, connection.state, connection.state === "ok", connection.detail || by),
    kommoLine("Widget", widget.installed ? "installed" : "not installed", widget.installed, "as you say; Kommo does not tell"),
    kommoLine("Salesbot", salesbot.state, salesbot.state === "seen", last(salesbot.last_request_at)),
    kommoLine(
      "Webhook",
      webhook.configured ? webhook.state : "no KOMMO_WEBHOOK_SECRET",
      webhook.state === "seen",
      webhook.configured ? last(webhook.last_event_at) : "what colleagues write is not heard"
    )
  );
  $("kommo-install").textContent = widget.installed ? "The widget is not installed any more" : "The widget is installed";
  $("kommo-install").dataset.installed = String(!widget.installed);
  $("kommo-connect").hidden = connection.method !== "oauth";
}

async function kommoAct(act) {
  $("kommo-problem").textContent = "";
  try {
    await act();
  } catch (problem) {
    $("kommo-problem").textContent = problem.message;
  }
}

async function installKommo() {
  await ask("POST", "/api/kommo/widget/install", { installed: $("kommo-install").dataset.installed === "true" });
  await readKommo();
}

async function connectKommo() {
  const { url } = await ask("POST", "/api/kommo/oauth/start");
  window.open(url, "_blank", "noopener,noreferrer");
}

async function tryKommo() {
  const message = $("kommo-message").value.trim();
  if (!message) return;
  $("kommo-send").disabled = true;
  $("kommo-said").replaceChildren(el("p", { class: "sub" }, "The model is asked…"));
  try {
    const tried = await ask("POST", "/api/kommo/chat/test", { message });
    const how = tried.handoff ? "A person would be fetched." : tried.shown_by === "reply" ? "Shown by the next step of the salesbot." : "Shown by the widget step.";
    $("kommo-said").replaceChildren(
      ...tried.messages.map((text) => el("p", { class: "bubble", dir: "auto" }, ...linked(text))),
      el("p", { class: "sub" }, `${how} It took ${(tried.took_ms / 1000).toFixed(1)} s. Nobody was told.`)
    );
  } catch (problem) {
    $("kommo-said").replaceChildren(el("p", { class: "problem" }, problem.message));
  }
  $("kommo-send").disabled = false;
}

function wireKommo() {
  if (document.documentElement.dataset.kommo !== "yes") return;
  $("console-tabs").hidden = false;
  for (const tab of $("console-tabs").children) tab.addEventListener("click", () => showConsoleTab(tab.dataset.console));
  for (const tab of $("kommo-tabs").children) tab.addEventListener("click", () => showKommoPart(tab.dataset.part));
  $("kommo-install").addEventListener("click", () => kommoAct(installKommo));
  $("kommo-connect").addEventListener("click", () => kommoAct(connectKommo));
  $("kommo-try").addEventListener("submit", (event) => {
    event.preventDefault();
    tryKommo();
  });
  for (const place of document.querySelectorAll("[data-here]")) place.textContent = location.origin + place.dataset.here;
}
