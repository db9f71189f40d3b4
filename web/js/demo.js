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
      el("div", { class: "code-line" }, el("span", {}, el("span", { class: "hidden" }, "Code "), el("span", { class: "code" }, mail.code)), copyButton(mail.code)),
      el("a", { class: `go${index ? " plain" : ""}`, href: mail.link, target: "_blank", rel: "noopener noreferrer" }, "Open verification link"),
      el("button", { class: "secondary read", type: "button", on: { click: () => openLetter(mail.id) } }, "Read the mail")
    )
  );
  if (!nodes.length) nodes.push(el("p", { class: "empty-note" }, "No mail yet. Tell the bot an address, any address, and the verification mail lands here."));
  $("mails").replaceChildren(...nodes);
  updateSteps();
}

// A mail is shown as its reader sees it, in a frame in which nothing can run. Its links open in a tab of their own.
const letters = window.trustedTypes ? trustedTypes.createPolicy("letter", { createHTML: (html) => html }) : { createHTML: (html) => html };

async function openLetter(id) {
  try {
    const mail = await ask("GET", `/api/console/mails/${encodeURIComponent(id)}`);
    $("letter-subject").textContent = mail.subject;
    $("letter-to").textContent = `To ${mail.to}`;
    $("letter-body").setAttribute("srcdoc", letters.createHTML(mail.html.replace("<head>", '<head><base target="_blank">')));
    $("letter").showModal();
  } catch (problem) {
    connection("letter", problem.message);
    setTimeout(() => connection("letter", ""), 5000);
  }
}

function wireLetter() {
  $("letter-body").addEventListener("load", () => {
    const body = $("letter-body").contentDocument;
    if (!body) return;
    $("letter-body").style.height = `${body.documentElement.scrollHeight}px`;
    // Whoever clicked into the mail types into its frame, which knows nothing of the dialog around it.
    body.addEventListener("keydown", (event) => event.key === "Escape" && $("letter").close());
    // Who follows its link has done with the mail. The link is followed first.
    body.addEventListener("click", (event) => event.target.closest("a") && setTimeout(() => $("letter").close()));
  });
  // A click beside the letter closes it, as Escape does.
  $("letter").addEventListener("click", (event) => event.target === $("letter") && $("letter").close());
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

// Who gave no name is called here as the list calls them, not by the whole key.
function called(value) {
  return value.replace(/^web:page:(.{1,6}).*$/, "user-$1");
}

const TONES = { customer: "Hand-over", trouble: "Incident", good: "Resolved" };

function cardNode(card) {
  const [label, link] = card.button || [];
  const key = linkedConversation(link || "");
  const open = link ? el("a", { class: "go plain", href: link, target: key ? null : "_blank", rel: "noopener noreferrer" }, label) : null;
  if (open && key) {
    open.addEventListener("click", (event) => {
      event.preventDefault();
      showTab("console");
      if (desk.rows.some((row) => row.key === key)) use(key);
    });
  }
  return el(
    "article",
    { class: `item card ${card.tone}` },
    el("header", {}, el("span", {}, TONES[card.tone]), timeNode(card.at)),
    el("h3", {}, card.title),
    el("dl", {}, ...card.facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, called(value))])),
    el("p", { class: card.tone === "customer" ? "quote" : null, dir: "auto" }, card.text),
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
