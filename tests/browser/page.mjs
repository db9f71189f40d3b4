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
import { bubbles, check, count, last, mode, said } from "./checks.mjs";
import { Chromium } from "./chromium.mjs";
import { colours, controls, heads, keys, leaveLetter, pill, room, scrolling, typing } from "./looks.mjs";

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

// One newcomer in one window.
class Walk {
  constructor(name, page, other) {
    Object.assign(this, { name, page, other, window: WINDOWS[name], shots: 0, address: `anna.${name}@example.com` });
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
    await leaveLetter(page);
    await page.click("#mails .read");
    await page.until("the mail again", "document.getElementById('letter').open");
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
    await typing(page);
    await keys(page);
    await page.until("the bot to answer what was typed", last("bot", "by the button"));
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
    await scrolling(page, reply(await page.evaluate("document.documentElement.dataset.conversation")));
    await heads(page);
    await colours(page);
    await this.shot("groups");
    await this.show("console");
    await controls(page);
    await room(page, this.window);
    await this.why();
    await this.told();
    await page.click("#handback");
    await page.until("the bot to have it again", "document.getElementById('who-phase').classList.contains('bot')");
    await this.write("are you there?");
    await page.until("the bot to answer again", last("bot", "are you there?"));
  }

  // Colleagues see by which instructions the model answers.
  async told() {
    const page = this.page;
    const first = `document.querySelector('#told-lines li')?.innerText.includes('in force')`;
    await page.click("#told > summary");
    await page.until("the instructions to be shown", first);
    await page.until("and which are in force", `document.getElementById('told-now').innerText.includes('Shipped with the desk')`);
    await page.click("#told-again");
    await page.until("the instructions to be there still", first);
    await this.shot("told");
    await page.click("#told > summary");
  }

  // The timeline tells who has it and why, and follows what happens while it is open.
  async why() {
    const { page } = this;
    const line = (text) => `[...document.querySelectorAll('#why-lines li')].some((node) => node.innerText.includes(${JSON.stringify(text)}))`;
    await page.click("#why > summary");
    await page.until("the timeline to tell why a person was fetched", line("a person is fetched: the customer asked for a person"));
    await page.until("and how the answers before came about", line("the model is asked"));
    await page.until("and who has it now", `document.getElementById('why-now').innerText.startsWith('A person has it since')`);
    await this.shot("why");
    await page.click("#why > summary");
  }

  async humanMode() {
    const { page } = this;
    await pill(page, false);
    await page.click("#human");
    await page.until("the pill to turn", mode("ON"));
    await page.until("the system message", said("system", "Human Mode is ON"));
    await this.write("Is anybody there?");
    await page.until("the note that it went to a person", last("system", "human agent"));
    await this.shot("human-mode");
    await pill(page, true);
    await page.click("#human");
    await page.until("the pill to turn back", mode("OFF"));
    await page.until("the bot to have it again", "document.getElementById('who-phase').classList.contains('bot')");
  }

  // The emergency stop: what customers write is taken, nothing leaves, and what is owed is said afterwards.
  async stop() {
    const { page } = this;
    const sends = (text) => `document.getElementById('stop-label').innerText === 'Sends: ${text}'`;
    const notice = "document.getElementById('connection').innerText.includes('paused')";
    check(await page.evaluate(sends("ON")), "the pill says Sends: ON");
    await page.click("#stop");
    await page.until("the pill to say that sends are paused", sends("PAUSED"));
    await page.until("the notice", notice);
    check(await page.evaluate("document.getElementById('stop').getAttribute('aria-pressed') === 'true'"), "and it is pressed");
    await this.write("can you hear me now?");
    await page.until("the message to be taken", `${said("you", "can you hear me now?")} && !document.querySelector('#log .pending, #log .state')`);
    await this.shot("paused");
    check(!(await page.evaluate(said("bot", "can you hear me now?"))), "nothing is said while sends are paused");
    const other = await browser.open(base, WINDOWS["desktop-light"]);
    await other.until("another page to know", sends("PAUSED"));
    await page.click("#stop");
    await page.until("the pill to say that sends go on", sends("ON"));
    await page.until("what was owed", said("bot", "can you hear me now?"));
    await page.until("no notice", `!(${notice})`);
    await other.until("another page to know that, too", sends("ON"));
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
  await reply(key)("I write while nobody looks");
  await page.until("what was missed", said("agent", "while nobody looks"));
  await page.until("the page to be connected", "document.getElementById('connection').innerText === ''");
  await page.click("#log .state button");
  await page.until("the message to be sent", "!document.querySelector('#log .pending, #log .state')");
  const all = await page.evaluate(`${bubbles("you")}.concat(${bubbles("agent")})`);
  check(all.join("|") === "before the restart|while you were away|I write while nobody looks", `nothing is lost or twice: ${all.join("|")}`);
  await page.picture(join(pictures, "restart-back.png"));
}

// A person who answers past the page.
function reply(key) {
  return async (text) => {
    const body = JSON.stringify({ text });
    const answer = await fetch(`${base}/api/console/conversations/${encodeURIComponent(key)}/reply`, { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!answer.ok) throw new Error(`a person's answer was refused: ${answer.status}`);
  };
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

const ALL = ["gate", "verify", "memory", "person", "humanMode", "stop", "failure", "longTexts", "newChat"];

async function walk(name, parts) {
  console.log(`--  ${name}`);
  const window = WINDOWS[name];
  const page = await browser.open(base, window);
  await page.until("the console", "!document.getElementById('human').hidden");
  check((await page.evaluate("document.querySelectorAll('#log .msg').length")) === 0, "a stranger sees nothing of others");
  check(!(await page.evaluate("document.getElementById('console-tabs').checkVisibility()")), "no tab for a channel that nobody configured");
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
