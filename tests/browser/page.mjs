// The newcomer's first minute, in a real browser, against a desk in demo mode:
//
//     node tests/browser/page.mjs http://127.0.0.1:8080 target/screenshots
//
// Walks from the first hello through the verification link to a person and back, on two windows at once, and leaves
// pictures behind for somebody to look at. Fails if the browser complains or asks any other host for anything.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Chromium } from "./chromium.mjs";

const [base = "http://127.0.0.1:8080", pictures = "target/screenshots"] = process.argv.slice(2);
await mkdir(pictures, { recursive: true });
const browser = await Chromium.start();
const shot = (page, name) => page.picture(join(pictures, `${name}.png`));
const count = (who, at) => `document.querySelectorAll('#log .msg.${who}').length >= ${at}`;
const said = (who, text) => `[...document.querySelectorAll('#log .msg.${who} .bubble')].some((node) => node.innerText.includes(${JSON.stringify(text)}))`;
const allowed = [/status of 4\d\d .*\/verify/];

function check(claim, what) {
  if (!claim) throw new Error(what);
  console.log(`ok  ${what}`);
}

async function gate(page) {
  check((await page.text("#human-label")) === "Human Mode: OFF", "the pill says Human Mode: OFF");
  await shot(page, "01-first-sight");
  await page.type("#draft", "Hello! What are your opening hours?");
  await page.until("the bot to ask for an address", count("bot", 1));
  check((await page.text("#log .msg.you .meta b")) === "You" && (await page.text("#log .msg.bot .meta b")) === "Bot", "both are named");
  await page.type("#draft", "you can reach me at anna@example.com");
  await page.until("the mail", "document.querySelector('#mails .code')?.innerText.length === 6");
  await page.until("the bot to say that it is sent", count("bot", 2));
  await shot(page, "02-mail");
  const link = await page.evaluate("document.querySelector('#mails .go').href");
  const verify = await browser.open(link, { width: 760, height: 820 });
  await shot(verify, "03-verify");
  await verify.click("button.confirm");
  await verify.until("the success page", "document.querySelector('main.done')");
  await shot(verify, "04-verified");
  await page.until("the waiting question to be answered", "document.querySelector('#steps [data-step=answer].done')");
  check(verify.complaints().length === 0, "the verification page breaks no rule of its policy");
  await shot(page, "05-answered");
}

async function person(page) {
  await page.type("#draft", "I want to talk to a human");
  await page.until("the card", "document.querySelector('#cards .card')");
  await page.until("the announcement", count("system", 1));
  await page.until("the conversation in the console", "document.querySelector('.row .mine')");
  await page.evaluate("document.querySelector('.row .mine').closest('.row').querySelector('.use').click()");
  await page.click("#connect");
  await page.until("the agent", "document.getElementById('agent').innerText === 'Agent: Connected'");
  check((await page.evaluate("document.getElementById('reply-user').value")).startsWith("user-"), "Use fills in the user ID");
  await page.type("#reply-text", "Hello, this is Dana. How can I help?", false);
  await page.click("#reply-send");
  await page.until("the answer of the person", said("agent", "this is Dana"));
  check((await page.text("#log .msg.agent .meta b")) === "Human Agent", "the person is named Human Agent");
  await shot(page, "06-person");
  await page.click("#handback");
  await page.until("the bot to have it again", "document.getElementById('who-phase').classList.contains('bot')");
}

async function humanMode(page) {
  await page.click("#human");
  await page.until("the pill to turn", "document.getElementById('human-label').innerText === 'Human Mode: ON'");
  const colour = "getComputedStyle(document.getElementById('human')).color";
  await page.until("the system message", said("system", "Human Mode is ON"));
  await page.type("#draft", "Is anybody there?");
  await page.until("the note that it went to a person", said("system", "human agent"));
  const on = await page.evaluate(colour);
  await shot(page, "07-human-mode");
  await page.click("#human");
  await page.until("the pill to turn back", "document.getElementById('human-label').innerText === 'Human Mode: OFF'");
  await page.until("the colours to differ", `${colour} !== ${JSON.stringify(on)}`);
}

async function strangers() {
  const other = await browser.open(base, { width: 390, height: 844, dark: true });
  check((await other.evaluate("document.querySelectorAll('#log .msg').length")) === 0, "another visitor sees nothing of it");
  await other.type("#draft", "Сәлеметсіз бе!");
  await other.until("an answer on the phone", count("bot", 1));
  await shot(other, "08-phone-dark");
  await other.click("#tabs [data-tab=console]");
  await shot(other, "09-phone-console");
  return other;
}

try {
  const page = await browser.open(base);
  await page.until("the console", "!document.getElementById('human').hidden");
  await gate(page);
  await person(page);
  await humanMode(page);
  const other = await strangers();
  for (const window of [page, other]) {
    const complaints = window.complaints().filter((text) => !allowed.some((known) => known.test(text)));
    check(complaints.length === 0, `the browser complains of nothing ${complaints.join("; ")}`);
    check(window.requests().every((url) => url.startsWith(base) || url.startsWith("data:")), "nobody else is asked for anything");
  }
} catch (problem) {
  console.error(`FAILED  ${problem.message}`);
  process.exitCode = 1;
} finally {
  await browser.stop();
}
