// @ts-check
// Drives a headless Chromium over the DevTools protocol on its pipe: no library, no port. Knows no page.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a Chromium is, or `null`. */
export const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path)) ?? null;

/** A browser that runs until it is closed. */
export class Browser {
  #process;
  #folder;
  #next = 0;
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  /** @type {Set<(message: any) => void>} */
  #heard = new Set();

  constructor() {
    if (chromium === null) throw new Error("no Chromium");
    this.#folder = mkdtempSync(join(tmpdir(), "chromium-"));
    const flags = [
      "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb",
      `--user-data-dir=${this.#folder}`, "about:blank",
    ];
    this.#process = spawn(chromium, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let rest = "";
    const from = /** @type {import("node:stream").Readable} */ (this.#process.stdio[4]);
    from.setEncoding("utf8");
    from.on("data", (piece) => {
      const messages = (rest + piece).split("\0");
      rest = messages.pop() ?? "";
      for (const text of messages) this.#take(JSON.parse(text));
    });
  }

  get pid() {
    return this.#process.pid;
  }

  /** @param {any} message */
  #take(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) {
      for (const heard of this.#heard) heard(message);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  /** @param {string} method @param {object} params @param {string} [sessionId] @returns {Promise<any>} */
  send(method, params = {}, sessionId = undefined) {
    this.#next += 1;
    const id = this.#next;
    const to = /** @type {import("node:stream").Writable} */ (this.#process.stdio[3]);
    to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** @param {(message: any) => void} heard */
  on(heard) {
    this.#heard.add(heard);
  }

  /** A tab of its own, with nothing kept from others. @param {{width?: number, height?: number, script?: boolean}} options */
  async tab({ width = 1280, height = 900, script = true } = {}) {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, sessionId, browserContextId);
    for (const domain of ["Page", "Runtime", "Network", "Log", "DOM"]) await tab.send(`${domain}.enable`);
    await tab.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    if (!script) await tab.send("Emulation.setScriptExecutionDisabled", { value: true });
    return tab;
  }

  async close() {
    await Promise.race([this.send("Browser.close").catch(() => null), new Promise((resolve) => setTimeout(resolve, 3_000))]);
    this.#process.kill("SIGKILL");
    // Its children write for a moment longer; what they leave in the folder for temporary files is no failure of a test.
    for (let left = 20; left > 0; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      try {
        rmSync(this.#folder, { recursive: true, force: true });
        return;
      } catch {
        // Once more.
      }
    }
  }
}

/** A tab, with what it sent and what it complained of. */
export class Tab {
  /** @type {string[]} */
  requests = [];
  /** @type {string[]} */
  complaints = [];

  /** @param {Browser} browser @param {string} session @param {string} context */
  constructor(browser, session, context) {
    this.browser = browser;
    this.session = session;
    this.context = context;
    browser.on(({ sessionId, method, params }) => {
      if (sessionId !== session) return;
      if (method === "Network.requestWillBeSent" && !params.request.url.startsWith("blob:")) {
        this.requests.push(`${params.request.method} ${params.request.url} ${params.request.postData ?? ""}`.trim());
      }
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
        this.complaints.push(`${params.entry.source}: ${params.entry.text}`);
      }
      if (method === "Runtime.exceptionThrown") this.complaints.push(JSON.stringify(params.exceptionDetails.exception?.description));
      if (method === "Runtime.consoleAPICalled" && params.type === "error") this.complaints.push(JSON.stringify(params.args));
    });
  }

  /** @param {string} method @param {object} params */
  send(method, params = {}) {
    return this.browser.send(method, params, this.session);
  }

  /** @param {string} url */
  async open(url) {
    await this.send("Page.navigate", { url });
    await this.until(`document.readyState === "complete"`);
  }

  /** @param {string} expression @returns {Promise<any>} */
  async run(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. @param {string} expression */
  async until(expression, milliseconds = 20_000) {
    const end = Date.now() + milliseconds;
    for (;;) {
      const value = await this.run(expression).catch(() => false);
      if (value) return value;
      if (Date.now() > end) throw new Error(`in vain: ${expression}\n${await this.text().catch(() => "")}\n${this.complaints.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  text() {
    return this.run("document.body.innerText");
  }

  /** Puts a file of this machine into an input. @param {string} selector @param {string} path */
  async choose(selector, path) {
    const { root } = await this.send("DOM.getDocument");
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.send("DOM.setFileInputFiles", { nodeId, files: [path] });
  }

  /** @param {string} key @param {number} code @param {number} modifiers */
  async press(key, code, modifiers = 0) {
    const text = key === "Enter" ? "\r" : undefined;
    const shared = { key, code: key, windowsVirtualKeyCode: code, modifiers, text };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...shared });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...shared });
  }

  /** A picture of the whole page. */
  async picture() {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }

  async close() {
    // With its connections, which would otherwise be kept.
    await this.browser.send("Target.disposeBrowserContext", { browserContextId: this.context });
  }
}
