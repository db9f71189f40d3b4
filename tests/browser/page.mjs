// The newcomer's first minute, in a real browser, against a desk in demo mode:
//
//     node tests/browser/page.mjs http://127.0.0.1:8080 target/screenshots [desktop-light phone-dark …]
//
// Walks from the first hello through the verification link to a person and back, and leaves pictures behind for somebody
// to look at. Fails if the browser complains or asks any other host for anything. With RESTARTABLE=1 it asks, on a line
// of its own output, for the desk to be stopped and started, and waits for "done" on its input. It needs Node 18 or
// newer and nothing from a registry.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Chromium } from "./chromium.mjs";

const [base = "http://127.0.0.1:8080", pictures = "target/screenshots", ...chosen] = process.argv.slice(2);
const WINDOWS = {
  "desktop-light": { width: 1366, height: 820, dark: false },
  "desktop-dark": { width: 1366, height: 820, dark: true },
  "phone-light": { width: 390, height: 844, dark: false },
  "phone-dark": { width: 390, height: 844, dark: true },
};
const UNREACHABLE = /ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE|SOCKET|NETWORK)|status of 500/;

await mkdir(pictures, { recursive: true });
const browser = await Chromium.start();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const count = (who, at) => `document.querySelectorAll('#log .msg.${who}').length >= ${at}`;
const bubbles = (who) => `[...document.querySelectorAll('#log .msg.${who} .bubble')].map((node) => node.innerText)`;
const said = (who, text) => `${bubbles(who)}.some((text) => text.includes(${JSON.stringify(text)}))`;
const last = (who, text) => `${bubbles(who)}.at(-1)?.includes(${JSON.stringify(text)})`;
const mode = (text) => `document.getElementById('human-label').innerText === 'Human Mode: ${text}'`;

function check(claim, what) {
  if (!claim) throw new Error(what);
  console.log(`ok  ${what}`);
}

// One newcomer in one window.
class Walk {
  constructor(name, page, other) {
    Object.assign(this, { name, page, other, shots: 0, address: `anna.${name}@example.com` });
    this.cards = `[...document.querySelectorAll('#cards .card')].filter((card) => card.textContent.includes('${this.address}'))`;
    this.isPhone = name.startsWith("phone");
  }

  async shot(what, page = this.page) {
    await page.picture(join(pictures, `${this.name}-${String(++this.shots).padStart(2, "0")}-${what}.png`));
  }

  // On a phone the panels are behind tabs.
  async show(tab) {
    if (this.isPhone) await this.page.click(`#tabs [data-tab=${tab}]`);
  }

  async write(text) {
    await this.show("chat");
    await this.page.type("#draft", text);
  }

  async gate() {
    const { page } = this;
    check(await page.evaluate(mode("OFF")), "the pill says Human Mode: OFF");
    await this.shot("first-sight");
    await this.write("Hello! What are your opening hours?");
    await page.until("the bot to ask for an address", count("bot", 1));
    check((await page.text("#log .msg.you .meta b")) === "You" && (await page.text("#log .msg.bot .meta b")) === "Bot", "both are named");
    await this.shot("asked");
    await this.write(`you can reach me at ${this.address}`);
    await page.until("the mail", `document.querySelector('#mails .item')?.textContent.includes('${this.address}')`);
    await page.until("the bot to say that it is sent", count("bot", 2));
    await this.show("side");
    await this.shot("mail");
    await page.click("#mails .read");
    await page.until("the mail itself", "document.getElementById('letter-body').contentDocument?.body?.innerText.includes(document.querySelector('#mails .code').textContent)");
    const letter = "document.getElementById('letter-body')";
    check(await page.evaluate(`${letter}.contentDocument.querySelector('a').target === '' && ${letter}.contentDocument.querySelector('base').target === '_blank'`), "its links open beside the page");
    check(await page.evaluate(`getComputedStyle(${letter}.contentDocument.querySelector('a')).color === 'rgb(255, 255, 255)'`), "it looks as its reader sees it");
    check(await page.evaluate(`${letter}.clientHeight >= ${letter}.contentDocument.documentElement.scrollHeight`), "it is shown whole");
    await this.shot("letter");
    await page.click("#letter form button");
  }

  async verify() {
    const { page } = this;
    const link = await page.evaluate("document.querySelector('#mails .go').href");
    const verify = await browser.open(link, this.other);
    await this.shot("verify", verify);
    await verify.click("button.confirm");
    await verify.until("the success page", "document.querySelector('main.done')");
    await this.shot("verified", verify);
    const again = await browser.open(link, this.other);
    await again.until("the used page", "document.querySelector('main.used')");
    await page.until("the waiting question to be answered", "document.querySelector('#steps [data-step=answer].done')");
    await page.until("the answer to be about the question", said("bot", "What are your opening hours?"));
    check(verify.complaints().length === 0, "the verification page breaks no rule of its policy");
    await this.show("chat");
    await this.shot("answered");
  }

  async memory() {
    const { page } = this;
    await this.write("my name is Anna");
    await page.until("the bot to have heard the name", last("bot", "Nice to meet you, Anna"));
    await this.write("what is my name?");
    await page.until("the bot to remember the name", last("bot", "Your name is Anna"));
    await this.shot("memory");
  }

  async person() {
    const { page } = this;
    await this.write("I want to talk to a human");
    await page.until("the card", `${this.cards}.length === 1`);
    await page.until("the announcement", said("system", "colleague"));
    await this.show("side");
    check((await page.evaluate(`${this.cards}[0].textContent`)).includes("I want to talk to a human"), "the card quotes the customer");
    await this.shot("card");
    await this.show("console");
    await page.until("the conversation in the console", "document.querySelector('.row .mine')");
    await page.evaluate("document.querySelector('.row .mine').closest('.row').querySelector('.use').click()");
    await page.click("#connect");
    await page.until("the agent", "document.getElementById('agent').innerText === 'Agent: Connected'");
    check((await page.evaluate("document.getElementById('reply-user').value")).startsWith("user-"), "Use fills in the user ID");
    await page.type("#reply-text", "Hello, this is Dana. How can I help?", false);
    await this.shot("console");
    await page.click("#reply-send");
    await page.until("the answer of the person", said("agent", "this is Dana"));
    check((await page.evaluate("document.querySelector('#log .msg.agent .meta b').textContent")) === "Human Agent", "the person is named Human Agent");
    await this.show("chat");
    await this.shot("person");
    await this.show("console");
    await page.click("#handback");
    await page.until("the bot to have it again", "document.getElementById('who-phase').classList.contains('bot')");
    await this.write("are you there?");
    await page.until("the bot to answer again", last("bot", "are you there?"));
  }

  async humanMode() {
    const { page } = this;
    const colour = "getComputedStyle(document.getElementById('human')).color";
    const off = await page.evaluate(colour);
    await page.click("#human");
    await page.until("the pill to turn", mode("ON"));
    await page.until("the system message", said("system", "Human Mode is ON"));
    await this.write("Is anybody there?");
    await page.until("the note that it went to a person", last("system", "human agent"));
    await page.until("the colours to differ", `${colour} !== ${JSON.stringify(off)}`);
    await this.shot("human-mode");
    await page.click("#human");
    await page.until("the pill to turn back", mode("OFF"));
    await page.until("the bot to have it again", "document.getElementById('who-phase').classList.contains('bot')");
  }

  async failure() {
    const { page } = this;
    await this.write("/fail");
    await page.until("the desk to give up on the model and fetch a person", said("system", "I am sorry"));
    await page.until("a second card", `${this.cards}.length >= 2`);
    await this.shot("failure");
    await this.show("console");
    await this.shot("console-failure");
    await this.show("side");
    await this.shot("alerts");
  }

  async longTexts() {
    const { page } = this;
    await this.write(`${"Donaudampfschifffahrtsgesellschaft".repeat(4)} https://example.com/${"path/".repeat(30)}\nشكرا جزيلا`);
    await page.until("the long text", said("you", "Donau"));
    const wide = "[document.documentElement, document.getElementById('scroll')].some((node) => node.scrollWidth > node.clientWidth)";
    check(!(await page.evaluate(wide)), "long texts are wrapped");
    await this.shot("long");
  }

  async newChat() {
    await this.show("chat");
    await this.page.click("#reset");
    await this.page.until("an empty chat", "!document.getElementById('chat-empty').hidden && !document.querySelector('#log .msg')");
  }
}

// The desk is stopped and started while the page is open: nothing is lost, nothing is shown twice.
async function restart(page) {
  await page.type("#draft", "before the restart");
  await page.until("an answer", count("bot", 1));
  const key = await page.evaluate("document.documentElement.dataset.conversation");
  await tell("stop");
  await page.until("the page to notice", "document.getElementById('connection').innerText !== ''");
  await page.type("#draft", "while you were away");
  await page.until("the page to say that it was not sent", "document.querySelector('#log .state button')");
  await page.picture(join(pictures, "restart-away.png"));
  await tell("start");
  const reply = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text: "I write while nobody looks" }) };
  const answer = await fetch(`${base}/api/console/conversations/${encodeURIComponent(key)}/reply`, reply);
  check(answer.ok, "somebody writes before the page is back");
  await page.until("what was missed", said("agent", "while nobody looks"));
  await page.until("the page to be connected", "document.getElementById('connection').innerText === ''", 20_000);
  await page.click("#log .state button");
  await page.until("the message to be sent", "!document.querySelector('#log .pending, #log .state')");
  const all = await page.evaluate(`${bubbles("you")}.concat(${bubbles("agent")})`);
  check(all.join("|") === "before the restart|while you were away|I write while nobody looks", `nothing is lost or twice: ${all.join("|")}`);
  await page.picture(join(pictures, "restart-back.png"));
}

async function tell(what) {
  console.log(`please ${what}`);
  await lines.next();
}

// Customers read the chat, its notes and the verification pages in their own language.
const LANGUAGES = {
  ru: { hello: "Здравствуйте, вы открыты?", note: "сотрудник" },
  kk: { hello: "Сәлеметсіз бе, қашан ашықсыздар?", note: "қызметкер" },
  mn: { hello: "Сайн байна уу, хэзээ нээлттэй вэ?", note: "ажилтан" },
};

async function languages() {
  const pages = await Promise.all(Object.keys(LANGUAGES).map(untilAnswered));
  await switchHuman(pages[0], true);
  for (const [at, [lang, { hello, note }]] of Object.entries(LANGUAGES).entries()) {
    await pages[at].until("the pill to turn", mode("ON"));
    await pages[at].type("#draft", hello);
    await pages[at].until("the note that it went to a person", `${bubbles("system")}.at(-1)?.toLowerCase().includes(${JSON.stringify(note)}) && ${bubbles("system")}.length >= 2`);
    await pages[at].picture(join(pictures, `lang-${lang}-04-chat.png`));
    clean(pages[at]);
  }
  await switchHuman(pages[0], false);
}

async function untilAnswered(lang) {
  const address = `${lang}.customer@example.com`;
  const page = await browser.open(base, { ...WINDOWS["phone-light"], lang });
  check((await page.evaluate("document.documentElement.lang")) === lang, `the page speaks ${lang}`);
  await page.picture(join(pictures, `lang-${lang}-01-page.png`));
  await page.type("#draft", LANGUAGES[lang].hello);
  await page.until("an answer", count("bot", 1));
  await page.type("#draft", address);
  await page.until("the announcement of the mail", count("bot", 2));
  const mine = `[...document.querySelectorAll('#mails .item')].find((item) => item.textContent.includes('${address}'))`;
  await page.until("the mail", mine);
  const link = await page.evaluate(`${mine}.querySelector('.go').href`);
  const verify = await browser.open(link, { ...WINDOWS["phone-light"], lang: "en" });
  check((await verify.evaluate("document.documentElement.lang")) === lang, `the verification page speaks the customer's ${lang}`);
  await verify.picture(join(pictures, `lang-${lang}-02-verify.png`));
  await verify.click("button.confirm");
  await verify.until("the success page", "document.querySelector('main.done')");
  await verify.picture(join(pictures, `lang-${lang}-03-done.png`));
  await page.until("the answer", count("bot", 4));
  return page;
}

function switchHuman(page, enabled) {
  const body = JSON.stringify(JSON.stringify({ enabled }));
  return page.evaluate(`fetch('/toggle-human', { method: 'POST', headers: { 'content-type': 'application/json' }, body: ${body} }).then((answer) => answer.ok)`);
}

function clean(page, allowed = []) {
  const complaints = page.complaints().filter((text) => !allowed.some((known) => known.test(text)));
  check(complaints.length === 0, `the browser complains of nothing ${complaints.join("; ")}`);
  const foreign = page.requests().filter((url) => !url.startsWith(base) && !url.startsWith("data:") && !url.startsWith("about:"));
  check(foreign.length === 0, `nobody else is asked for anything ${foreign.join(" ")}`);
}

const ALL = ["gate", "verify", "memory", "person", "humanMode", "failure", "longTexts", "newChat"];

async function walk(name, parts) {
  console.log(`--  ${name}`);
  const window = WINDOWS[name];
  const page = await browser.open(base, window);
  await page.until("the console", "!document.getElementById('human').hidden");
  check((await page.evaluate("document.querySelectorAll('#log .msg').length")) === 0, "a stranger sees nothing of others");
  const one = new Walk(name, page, { ...window, width: Math.min(window.width, 760) });
  for (const part of parts) await one[part]();
  clean(page);
}

try {
  for (const name of chosen) await walk(name, ALL);
  if (!chosen.length) {
    await walk("desktop-light", ALL);
    await walk("phone-dark", ["gate", "verify", "person"]);
  }
  await languages();
  if (process.env.RESTARTABLE) {
    const page = await browser.open(base);
    await restart(page);
    clean(page, [UNREACHABLE]);
  }
} catch (problem) {
  console.error(`FAILED  ${problem.message}`);
  process.exitCode = 1;
} finally {
  await browser.stop();
  process.stdin.destroy();
}
