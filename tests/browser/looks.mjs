// How the chat looks and moves: names, times, colours, avatars, groups, keys, typing and scrolling. Each function takes
// a page that shows a conversation in which the customer, the bot and a person have written.
import { bubbles, check, count, last, said } from "./checks.mjs";

// What WCAG asks of text of this size.
const READABLE = 4.5;

// Runs in the page: how every kind of message is painted, and how well its text can be read. The canvas turns every way
// of writing a colour into red, green, blue and opacity.
const MEASURE = `
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const backdrop = (node) => {
    const colour = rgba(getComputedStyle(node).backgroundColor);
    return colour[3] === 255 || !node.parentElement ? colour : backdrop(node.parentElement);
  };
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  const measure = (node) => {
    const ground = backdrop(node);
    return { ground: ground.slice(0, 3).join(), contrast: contrast(light(ground), light(rgba(getComputedStyle(node).color))) };
  };`;

const PAINTED = `(() => {${MEASURE}
  return Object.fromEntries(["you", "bot", "agent", "system"].map((who) => [who, measure(document.querySelector("#log .msg." + who + ":not(.quiet) .bubble"))]));
})()`;

const GOOD = `(() => {${MEASURE}
  const old = document.querySelector("#mails .item.old header");
  return [["the switch of sends", document.getElementById("stop")], ["the badge", document.getElementById("who-phase")], ["an old mail", old]]
    .filter(([, node]) => node?.checkVisibility() && !node.classList.contains("bot"))
    .map(([name, node]) => [name, measure(node).contrast * (getComputedStyle(node.closest(".item") || node).opacity === "1" ? 1 : 0)]);
})()`;

// What says that all is well can be read, and so can mails that were replaced.
export async function controls(page) {
  const dull = (await page.evaluate(GOOD)).filter(([, contrast]) => contrast < READABLE);
  check(dull.length === 0, `switches, badges and old mails can be read ${dull.map(([name, contrast]) => `${name} ${contrast.toFixed(2)}`).join(" ")}`);
  check((await page.evaluate("document.querySelectorAll('h1').length")) === 1, "the page has one heading of its own");
  const unnamed = "[...document.querySelectorAll('div[aria-label]:not([role]), span[aria-label]:not([role])')].map((node) => node.id || node.className)";
  check((await page.evaluate(unnamed)).length === 0, "every label belongs to something with a role");
}

const ROOM = `(() => {
  const reply = document.getElementById("reply").getBoundingClientRect();
  return { transcript: document.getElementById("transcript-scroll").clientHeight, below: Math.round(reply.bottom - innerHeight) };
})()`;
const AWAY = "(({ scrollHeight, scrollTop, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight))(document.getElementById('transcript-scroll'))";

// However small the window: the transcript can be read, the reply box is in sight, and a panel that opens above leaves
// the newest message where it was.
export async function room(page, window) {
  await page.evaluate("document.querySelector('#tabs [data-tab=console]').click()");
  for (const [width, height] of [[360, 740], [320, 568], [1280, 600], [window.width, window.height]]) {
    await page.size(width, height);
    const { transcript, below } = await page.evaluate(ROOM);
    check(transcript >= 100, `at ${width} x ${height} the transcript has room: ${transcript}`);
    if (width < 821) check(below <= 0, `and the reply box is in sight: ${below}`);
    check(!(await page.evaluate("document.documentElement.scrollWidth > innerWidth")), "nothing is wider than the window");
    const [human, stop] = await page.evaluate("['human', 'stop'].map((id) => document.getElementById(id).getBoundingClientRect().top)");
    check(human === stop, "both switches stand in one row");
  }
  await page.evaluate("document.getElementById('transcript-scroll').scrollTop = 1e9");
  for (const panel of ["why", "told"]) {
    await page.click(`#${panel} > summary`);
    await page.until(`${panel} to be told`, `document.querySelector('#${panel}-lines li')`);
    await page.until("the newest message to be seen still", `${AWAY} <= 1`);
    await page.click(`#${panel} > summary`);
  }
}

// Somebody who clicked into the mail can leave it by the keyboard.
export async function leaveLetter(page) {
  await page.evaluate("document.getElementById('letter-body').contentWindow.focus()");
  await page.press("Escape");
  await page.until("the mail to be closed", "!document.getElementById('letter').open");
}

export async function colours(page) {
  const painted = await page.evaluate(PAINTED);
  const grounds = Object.values(painted).map((one) => one.ground);
  check(new Set(grounds).size === 4, `customer, bot, person and system differ in colour: ${grounds.join(" ")}`);
  const dull = Object.entries(painted).filter(([, one]) => one.contrast < READABLE);
  check(dull.length === 0, `every message can be read ${dull.map(([who, one]) => `${who} ${one.contrast.toFixed(1)}`).join(" ")}`);
}

// Runs in the page: every message as its reader sees it.
const MESSAGES = `[...document.querySelectorAll("#log .msg")].map((node) => {
  const seen = (part) => part !== null && part.checkVisibility();
  const time = node.querySelector(".meta time");
  const avatar = node.querySelector(".avatar");
  const shape = seen(avatar) ? { ...avatar.getBoundingClientRect().toJSON(), radius: getComputedStyle(avatar).borderRadius } : null;
  const written = new Date(Number(node.dataset.at));
  return {
    who: node.dataset.who,
    kind: node.dataset.kind,
    at: Number(node.dataset.at),
    name: seen(node.querySelector(".meta")) ? node.querySelector(".meta b").innerText : null,
    time: seen(time) ? time.innerText : null,
    clock: written.toLocaleTimeString(navigator.language, { hour: "2-digit", minute: "2-digit" }),
    stamp: time.dateTime === written.toISOString(),
    hover: node.querySelector(".bubble").title,
    avatar: shape,
    drawing: seen(avatar) ? avatar.querySelector("use").getAttribute("href") : null,
    middle: node.querySelector(".bubble").getBoundingClientRect().toJSON(),
  };
})`;

const NAMES = { you: "You", bot: "Bot", agent: "Human Agent", system: "System" };
const DRAWINGS = { bot: "#i-bot", agent: "#i-person" };
const TOGETHER = 3 * 60 * 1000;

// Follows the rule by itself: who writes again within three minutes goes on under the same head.
function goesOn(message, before) {
  return Boolean(before) && message.who !== "system" && before.who === message.who && before.kind === message.kind && message.at - before.at < TOGETHER;
}

export async function heads(page) {
  const messages = await page.evaluate(MESSAGES);
  const now = await page.evaluate("Date.now()");
  const groups = messages.map((message, at) => goesOn(message, messages[at - 1]));
  check(groups.filter(Boolean).length >= 2 && groups.filter((more) => !more).length >= 4, "there are groups and heads to look at");
  check(messages.every((message, at) => (message.name === null) === groups[at]), "messages of one sender share a head");
  const headed = messages.filter((_, at) => !groups[at]);
  check(headed.every((message) => message.name === NAMES[message.who]), "every head has its name");
  check(headed.every((message) => message.time === message.clock), `every head has its time ${headed[0].time}`);
  check(messages.every((message) => message.stamp && message.hover && Math.abs(now - message.at) < TOGETHER * 5), "every message knows its moment");
  const faced = headed.filter((message) => DRAWINGS[message.who]);
  const round = (box) => box && box.width === box.height && box.width >= 24 && box.radius === "50%";
  check(faced.every((message) => round(message.avatar) && message.drawing === DRAWINGS[message.who]), "bot and person have an avatar of their own");
  const faceless = messages.filter((message, at) => groups[at] || message.who === "system" || message.who === "you");
  check(faceless.every((message) => message.avatar === null), "a group has one avatar, and the customer needs none");
  const right = (who) => messages.filter((message) => message.who === who).map((message) => message.middle.right);
  check(Math.min(...right("you")) > Math.max(...right("bot").map((edge) => edge - 1)), "the customer's messages stand on the right");
}

// Enter sends, Shift+Enter begins a line, the button sends too; what waits to be sent stays in the field.
export async function keys(page) {
  const draft = "document.getElementById('draft').value";
  await page.type("#draft", "two lines:", false);
  await page.press("Enter", 8);
  await page.tell("Input.insertText", { text: "this is the second" });
  check((await page.evaluate(draft)) === "two lines:\nthis is the second", "Shift+Enter begins a line");
  check(!(await page.evaluate(said("you", "two lines"))), "and sends nothing");
  await page.press("Enter");
  await page.until("Enter to send", last("you", "two lines:\nthis is the second"));
  check((await page.evaluate(draft)) === "", "Enter empties the field");
  const before = (await page.evaluate(bubbles("you"))).length;
  await page.type("#draft", "   ");
  check((await page.evaluate(bubbles("you"))).length === before, "spaces alone are not sent");
  await page.evaluate("document.getElementById('draft').value = ''");
  await page.type("#draft", "by the button", false);
  await page.click("#composer .send");
  await page.until("the button to send", last("you", "by the button"));
}

// The dots are there while the bot thinks and gone with its answer. A watcher sees them however short they are shown.
export async function typing(page) {
  await page.evaluate(`(() => {
    const dots = document.getElementById("typing");
    document.documentElement.dataset.dots = "";
    new MutationObserver(() => { if (!dots.hidden) document.documentElement.dataset.dots = "seen"; }).observe(dots, { attributes: true });
  })()`);
  const before = (await page.evaluate(bubbles("bot"))).length;
  await page.type("#draft", "how many messages?");
  await page.until("the typing dots", "document.documentElement.dataset.dots === 'seen'");
  await page.until("the answer", count("bot", before + 1));
  await page.until("the dots to go", "document.getElementById('typing').hidden");
  console.log("ok  the dots show that the bot is typing");
}

// Runs in the page: how far the end is from what is seen.
const BELOW = "(({ scrollHeight, scrollTop, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight))(document.getElementById('scroll'))";

// `reply` lets a person write, so that the log grows without the customer's doing.
export async function scrolling(page, reply) {
  const fills = "document.getElementById('scroll').scrollHeight > document.getElementById('scroll').clientHeight * 1.5";
  for (let number = 1; !(await page.evaluate(fills)); number++) {
    const text = `Answer ${number}\n${"one more line\n".repeat(6)}`;
    await reply(text);
    await page.until("the answer", said("agent", `Answer ${number}\n`));
  }
  check((await page.evaluate(BELOW)) <= 1, "the chat follows what is said");
  await page.evaluate("document.getElementById('scroll').scrollTop = 0");
  await page.until("the log to stand at its top", `document.getElementById('scroll').scrollTop === 0`);
  await reply("Did you see this?");
  await page.until("the answer", said("agent", "Did you see this?"));
  check((await page.evaluate("document.getElementById('scroll').scrollTop")) === 0, "who reads above is not torn away");
  check(await page.evaluate("document.getElementById('newer').checkVisibility()"), "a button says that there is something new");
  await page.click("#newer");
  await page.until("the end", `${BELOW} <= 1 && document.getElementById('newer').hidden`);
  await page.evaluate("document.getElementById('scroll').scrollTop = 0");
  await page.type("#draft", "thank you");
  await page.until("one's own message to be seen", `${last("you", "thank you")} && ${BELOW} <= 1`);
  console.log("ok  one's own message is always seen");
}

// The pill is red while the bot answers and green while people do.
export async function pill(page, on) {
  const hue = await page.evaluate("getComputedStyle(document.getElementById('human')).color.match(/[0-9.]+/g).map(Number)");
  const [red, green] = hue;
  check(on ? green > red : red > green, `the pill is ${on ? "green" : "red"}`);
}
