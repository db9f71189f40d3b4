// What leaves the house in the demo: mails, cards, and the steps that lead a newcomer through it.
function showMails(mails) {
  if (!mails) return;
  $("side").hidden = $("mailbox").hidden = false;
  layout();
  desk.mails = mails;
  const nodes = mails.map((mail, index) =>
    el(
      "article",
      { class: `item${index ? " old" : ""}` },
      el("header", {}, el("span", { title: mail.to }, `To ${mail.to}`), timeNode(mail.at)),
      el("h3", {}, mail.subject),
      el("div", { class: "code-line" }, el("span", { class: "code", "aria-label": `Code ${mail.code}` }, mail.code), copyButton(mail.code)),
      el("a", { class: `go${index ? " plain" : ""}`, href: mail.link, target: "_blank", rel: "noopener noreferrer" }, "Open verification link")
    )
  );
  if (!nodes.length) nodes.push(el("p", { class: "empty-note" }, "No mail yet. Tell the bot an address, any address, and the verification mail lands here."));
  $("mails").replaceChildren(...nodes);
  updateSteps();
}

function copyButton(code) {
  const button = el("button", { class: "secondary copy", type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

function showCards(cards) {
  if (!cards) return;
  $("side").hidden = $("alerts").hidden = false;
  layout();
  const nodes = cards.map(cardNode);
  if (!nodes.length) nodes.push(el("p", { class: "empty-note" }, "Nobody waits for a person. A hand-over shows up here as a card."));
  $("cards").replaceChildren(...nodes);
}

function cardNode(card) {
  const rows = [["Customer", card.customer], ["Message", card.message]].filter(([, value]) => value);
  const key = decodeURIComponent(((card.link || "").match(/#conversation=([^&]+)/) || [])[1] || "");
  const open = card.link ? el("a", { class: "go plain", href: card.link, target: key ? null : "_blank", rel: "noopener noreferrer" }, "Open conversation") : null;
  if (open && key) {
    open.addEventListener("click", (event) => {
      event.preventDefault();
      showTab("console");
      if (desk.rows.some((row) => row.key === key)) use(key);
    });
  }
  return el(
    "article",
    { class: `item card ${card.kind}` },
    el("header", {}, el("span", {}, words(card.kind)), timeNode(card.at)),
    el("h3", {}, card.title),
    card.text ? el("p", {}, card.text) : null,
    rows.length ? el("dl", {}, ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)])) : null,
    open
  );
}

// === The steps ===

const steps = { done: new Set() };

function resetSteps() {
  steps.done.clear();
  updateSteps();
}

function updateSteps() {
  const row = desk.rows.find(own);
  const phase = row && row.phase;
  if (chat.wrote) steps.done.add("hello");
  if (phase === "pending_verification" || phase === "bot") steps.done.add("address");
  if (row && (row.verified || phase === "bot")) {
    steps.done.add("verified");
    if (chat.answered && !row.owed && phase === "bot") steps.done.add("answer");
  }
  if (phase === "human") steps.done.add("human");
  let next = true;
  for (const step of $("steps").children) {
    const done = steps.done.has(step.dataset.step);
    step.classList.toggle("done", done);
    step.classList.toggle("next", !done && next);
    if (!done) next = false;
  }
}
