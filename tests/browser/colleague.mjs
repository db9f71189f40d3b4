// What a colleague does in the console of a desk at work, in a real browser:
//
//     ADMIN_TOKEN=… RESENT=chatwoot:1:57 DROPPED=chatwoot:1:58 node tests/browser/colleague.mjs http://127.0.0.1:8080 target/screenshots
//
// Signs in, decides about two held messages (one is sent again, one is dropped), and looks after Kommo: status, setup and
// test. What has to happen outside the browser it asks for on lines of its own output, and waits for "done" on its input.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { check } from "./checks.mjs";
import { Chromium } from "./chromium.mjs";

const [base, pictures] = process.argv.slice(2);
const { ADMIN_TOKEN, RESENT, DROPPED } = process.env;
const WINDOW = { width: 1366, height: 820, dark: false };
const PHONE = { width: 390, height: 844, dark: true };
// The one that was asked for with a wrong token.
const REFUSED = /status of 401/;

await mkdir(pictures, { recursive: true });
const browser = await Chromium.start();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function please(what) {
  console.log(`please ${what}`);
  await lines.next();
}

const shown = (id) => `document.getElementById(${JSON.stringify(id)})?.checkVisibility()`;
const inner = (id) => `document.getElementById(${JSON.stringify(id)}).innerText`;
const row = (key) => `document.querySelector(${JSON.stringify(`#rows .row[data-key="${key}"]`)})`;

function shot(page, what) {
  return page.picture(join(pictures, `colleague-${what}.png`));
}

async function signIn(page, pictured) {
  await page.until("the desk to ask for its token", shown("sign-in"));
  check(!(await page.evaluate(shown("console"))), "nothing is shown before");
  if (pictured) {
    await page.type("#token", "another-token-of-some-length");
    await page.until("a wrong token to be refused", `${inner("sign-in-problem")} === 'That is not the admin token.'`);
    await shot(page, "01-refused");
    await page.evaluate("document.getElementById('token').value = ''");
  }
  await page.type("#token", ADMIN_TOKEN);
  await page.until("the console", shown("console"));
  check(!(await page.evaluate(shown("sign-in"))), "the form has gone");
  check((await page.evaluate("document.getElementById('token').value")) === "", "and keeps no token");
  check(!(await page.evaluate(shown("chat"))), "the chat page is off where nobody switched it on");
}

// === Held messages: nobody knows whether they reached the customer ===

async function choose(page, key, question) {
  await page.until("the conversation in the list", row(key));
  await page.until("its mark", `${row(key)}.querySelector('.badge.stuck')?.innerText === '1 held'`);
  await page.evaluate(`${row(key)}.querySelector('.open').click()`);
  await page.until("the held message", `${shown("stuck")} && ${inner("stuck")}.includes(${JSON.stringify(question)})`);
  const text = await page.evaluate(inner("stuck"));
  check(text.includes("Did this arrive?") && text.includes("Send again") && text.includes("Drop"), `both ways out of ${key} are offered`);
  check((await page.evaluate("document.querySelectorAll('#stuck li').length")) === 1, "of this message and no other");
}

async function decided(page, key) {
  await page.until("the question to go", "document.getElementById('stuck').hidden");
  await page.until("the mark to go", `!${row(key)}.querySelector('.badge.stuck')`);
  check((await page.evaluate(inner("reply-problem"))) === "", "nothing is wrong");
}

// Where mails or cards stand on the page too, the console still has the room.
async function beside(page) {
  check(!(await page.evaluate(shown("side"))), "no mailbox where nobody is asked for an address");
  await page.evaluate("document.getElementById('side').hidden = document.getElementById('mailbox').hidden = false, document.getElementById('main').dataset.panels = 'console side'");
  const wide = await page.evaluate("document.getElementById('console').clientWidth");
  check(wide > 900, `the console has the room beside a mailbox: ${wide}`);
  await page.evaluate("document.getElementById('side').hidden = document.getElementById('mailbox').hidden = true, document.getElementById('main').dataset.panels = 'console'");
}

async function heldMessages(page) {
  await choose(page, RESENT, "Norway");
  await shot(page, "02-held");
  await page.click("#stuck button[data-focus^='resend']");
  await decided(page, RESENT);
  await shot(page, "03-sent-again");
  await choose(page, DROPPED, "Iceland");
  await page.evaluate("void (window.late = document.querySelector(\"#stuck button[data-focus^='resend']\"))");
  await page.click("#stuck button[data-focus^='drop']");
  await decided(page, DROPPED);
  await shot(page, "04-dropped");
  // Who still saw the question and presses the other button comes too late.
  await page.evaluate("window.late.disabled = false, window.late.click()");
  await page.until("the second decision to be refused", `${inner("reply-problem")} !== ''`);
  check(await page.evaluate("document.getElementById('stuck').hidden"), "and nothing is held again");
}

// === Kommo ===

const state = (name, said) => `[...document.querySelectorAll('#kommo-lines li')].some((line) => line.querySelector('b').innerText.startsWith(${JSON.stringify(name)}) && line.innerText.includes(${JSON.stringify(said)}))`;

async function status(page) {
  check(await page.evaluate(shown("console-tabs")), "the console has a tab for Kommo where Kommo is configured");
  await page.click("#console-tabs [data-console=kommo]");
  await page.until("the account to be connected", state("Account", "Connected"));
  check(await page.evaluate(state("Account", "by KOMMO_TOKEN")), "it says by what");
  check(await page.evaluate(state("AI chatbot", "Answering")), "the desk answers");
  check(await page.evaluate(state("Salesbot", "nothing has come yet")), "no salesbot was seen yet");
  check(await page.evaluate(state("Webhook", "Not known")), "nor the webhook");
  check(!(await page.evaluate(shown("split"))), "conversations are on the other tab");
  check(!(await page.evaluate(shown("kommo-connect"))), "OAuth is offered only where it is set up");
  await shot(page, "05-kommo-status");
  await page.click("#kommo-install");
  await page.until("the operator's word on the widget", state("Widget", "as you say"));
  await page.until("that it is installed", `!${state("Widget", "not installed")}`);
  await please("ask in Kommo");
  await again(page, state("Salesbot", "Seen at work"));
  await please("write in Kommo");
  await again(page, state("Webhook", "Seen at work"));
  await shot(page, "06-kommo-seen");
  await page.click("#kommo-install");
  await page.until("the operator's word to be taken back", state("Widget", "not installed"));
}

// The status is read when its tab is chosen, so it is chosen until it says so.
async function again(page, expected) {
  await page.until("the status to follow", `(document.querySelector('#kommo-tabs [data-part=status]').click(), ${expected})`);
  check(await page.evaluate(expected), "the status follows what has come");
}

async function setup(page) {
  await page.click("#kommo-tabs [data-part=setup]");
  await page.until("the guide", shown("kommo-setup"));
  const guide = await page.evaluate(inner("kommo-setup"));
  check(!(await page.evaluate(shown("kommo-status"))), "one part at a time");
  for (const named of [`${base}/api/kommo/chat/webhook`, `${base}/webhooks/kommo/`, "KOMMO_CLIENT_SECRET", "make kommo-widget", "docs/setup-kommo.md"]) {
    check(guide.includes(named), `the guide names ${named}`);
  }
  check(!guide.includes("a-webhook-secret"), "and no secret");
  check((await page.evaluate("getComputedStyle(document.querySelector('#kommo-setup li')).listStyleType")) === "decimal", "its steps are numbered");
  await shot(page, "07-kommo-setup");
}

async function tryIt(page, text, expected) {
  await page.evaluate("document.getElementById('kommo-message').value = ''");
  await page.type("#kommo-message", text);
  await page.until(`the answer to ${text}`, `${inner("kommo-said")}.includes(${JSON.stringify(expected)}) && !document.getElementById('kommo-send').disabled`);
}

async function test(page) {
  await page.click("#kommo-tabs [data-part=test]");
  await tryIt(page, "Do you ship to Porto?", "Nobody was told");
  check((await page.evaluate(inner("kommo-said"))).includes("You said: Do you ship to Porto?"), "it shows what a customer would read");
  check((await page.evaluate(inner("kommo-said"))).includes("Shown by the widget step"), "and where");
  const left = (selector) => `document.querySelector('${selector}').getBoundingClientRect().left`;
  check(await page.evaluate(`${left("#kommo-said .bubble")} - ${left("#kommo-said")} <= 1`), "below the field");
  await shot(page, "08-kommo-test");
  await tryIt(page, "I want to speak to a human", "A person would be fetched");
  await shot(page, "09-kommo-handoff");
  await page.click("#stop");
  await page.until("sends to be paused", `${inner("stop-label")} === 'Sends: PAUSED'`);
  await tryIt(page, "Anybody?", "paused");
  await again(page, state("AI chatbot", "Paused"));
  await page.click("#stop");
  await page.until("sends to go on", `${inner("stop-label")} === 'Sends: ON'`);
  await again(page, state("AI chatbot", "Answering"));
}

// A narrow window shows all of it, too.
async function narrow() {
  const page = await browser.open(base, PHONE);
  await signIn(page, false);
  await page.click("#console-tabs [data-console=kommo]");
  await page.until("the status", state("Account", "Connected"));
  check(!(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")), "nothing is wider than a phone");
  await shot(page, "10-kommo-phone");
  await page.click("#kommo-tabs [data-part=setup]");
  check(!(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")), "nor is the guide");
  await shot(page, "11-kommo-phone-setup");
  await page.click("#console-tabs [data-console=conversations]");
  await page.until("the conversations again", shown("split"));
  clean(page);
}

function clean(page, allowed = []) {
  const complaints = page.complaints().filter((text) => !allowed.some((known) => known.test(text)));
  check(complaints.length === 0, `the browser complains of nothing ${complaints.join("; ")}`);
  const foreign = page.requests().filter((url) => !url.startsWith(base) && !url.startsWith("data:") && !url.startsWith("about:"));
  check(foreign.length === 0, `nobody else is asked for anything ${foreign.join(" ")}`);
}

try {
  const page = await browser.open(base, WINDOW);
  await signIn(page, true);
  await beside(page);
  await heldMessages(page);
  await status(page);
  await setup(page);
  await test(page);
  await page.click("#sign-out");
  await page.until("the form again", shown("sign-in"));
  check(!(await page.evaluate(shown("console"))), "who signs out sees nothing any more");
  clean(page, [REFUSED, /status of (404|409|503)/]);
  await narrow();
} catch (problem) {
  console.error(`FAILED  ${problem.message}`);
  console.log(`FAILED  ${problem.message}`);
  process.exitCode = 1;
} finally {
  await browser.stop();
  process.stdin.destroy();
}
