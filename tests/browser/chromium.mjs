// Drives a headless Chromium over its debugging pipe, with nothing but Node: open a page, look at it, click, type, take
// a picture. Every wait is for a condition; one that does not come true in time fails and says which.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
];
const PATIENCE = Number(process.env.STEP_MS || 15_000);

export class Chromium {
  static async start(binary = process.env.CHROMIUM || "chromium") {
    const browser = new Chromium();
    browser.home = await mkdtemp(join(tmpdir(), "browser-"));
    const args = [...FLAGS, `--user-data-dir=${browser.home}`];
    browser.process = spawn(binary, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.process.once("error", (problem) => {
      console.error(`FAILED  ${binary} cannot be started: ${problem.message}`);
      process.exit(1);
    });
    browser.next = 1;
    browser.waiting = new Map();
    browser.heard = [];
    let text = "";
    browser.process.stdio[4].on("data", (chunk) => {
      const parts = (text + chunk).split("\0");
      text = parts.pop();
      for (const part of parts) browser.hear(JSON.parse(part));
    });
    return browser;
  }

  hear(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return this.heard.push(message);
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  tell(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // Opens a page in a window of its own, with its own cookies.
  async open(url, { width = 1280, height = 800, dark = false, lang = "en-US" } = {}) {
    const { browserContextId } = await this.tell("Target.createBrowserContext");
    const { targetId } = await this.tell("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.tell("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.tell(`${domain}.enable`);
    await page.tell("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await page.tell("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const userAgent = (await this.tell("Browser.getVersion")).userAgent;
    await page.tell("Emulation.setUserAgentOverride", { userAgent, acceptLanguage: lang });
    await page.tell("Page.navigate", { url });
    await page.until("the page to load", "document.readyState === 'complete' && location.href !== 'about:blank'");
    return page;
  }

  async stop() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.tell("Browser.close").catch(() => {});
    await gone;
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Page {
  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
  }

  tell(method, params) {
    return this.browser.tell(method, params, this.session);
  }

  // Everything the browser complained of: errors, refused loads, violations of the page's policy.
  complaints() {
    const mine = this.browser.heard.filter((message) => message.sessionId === this.session);
    const logged = mine.filter((message) => message.method === "Log.entryAdded" && message.params.entry.level === "error");
    const thrown = mine.filter((message) => message.method === "Runtime.exceptionThrown");
    return [
      ...logged.map((message) => `${message.params.entry.text} ${message.params.entry.url || ""}`),
      ...thrown.map((message) => message.params.exceptionDetails.exception?.description || message.params.exceptionDetails.text),
    ];
  }

  // The addresses the page asked for.
  requests() {
    const mine = this.browser.heard.filter((message) => message.sessionId === this.session);
    return mine.filter((message) => message.method === "Network.requestWillBeSent").map((message) => message.params.request.url);
  }

  async evaluate(expression) {
    const answer = await this.tell("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (answer.exceptionDetails) throw new Error(`${expression}: ${answer.exceptionDetails.exception?.description}`);
    return answer.result.value;
  }

  async until(what, expression, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
      if (await this.evaluate(`Boolean(${expression})`).catch(() => false)) return;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  text(selector) {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? null`);
  }

  async click(selector) {
    await this.until(`${selector} to be there`, `document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`);
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  // Types as a person does, so that the page hears the keys.
  async type(selector, text, enter = true) {
    await this.until(`${selector} to be there`, `document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`);
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.tell("Input.insertText", { text });
    if (enter) await this.press("Enter");
  }

  async press(key, modifiers = 0) {
    const code = { key, code: key, windowsVirtualKeyCode: { Enter: 13, Escape: 27 }[key] || 0, modifiers };
    await this.tell("Input.dispatchKeyEvent", { type: "keyDown", text: key === "Enter" ? "\r" : undefined, ...code });
    await this.tell("Input.dispatchKeyEvent", { type: "keyUp", ...code });
  }

  // Changes the window.
  async size(width, height) {
    await this.tell("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await this.until("the window to change", `innerWidth === ${width} && innerHeight === ${height}`);
  }

  async picture(path) {
    const still = "document.getAnimations().every((one) => one.playState === 'finished' || one.effect.getTiming().iterations === Infinity)";
    await this.until("the page to stand still", still);
    const { data } = await this.tell("Page.captureScreenshot", { format: "png" });
    await writeFile(path, Buffer.from(data, "base64"));
  }
}
