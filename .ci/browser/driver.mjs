// Headless Chromium, by chromedriver and the WebDriver protocol (W3C) in plain `fetch`.
//
// A browser is a process with a profile folder of its own; nothing of it is left after `close`.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// What a loaded machine may need to start a browser, or to answer.
const PATIENCE_MILLIS = 60_000;

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage",
];

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Asks until the answer is true; `describe` says what it was instead.
export async function until(what, ask, describe = () => "") {
  const deadline = Date.now() + PATIENCE_MILLIS;
  for (;;) {
    if (await ask()) return;
    if (Date.now() > deadline) throw new Error(`never: ${what} ${await describe()}`);
    await sleep(50);
  }
}

export class Driver {
  static async start() {
    const driver = new Driver();
    driver.address = `http://127.0.0.1:${await freePort()}`;
    driver.folder = await mkdtemp(join(tmpdir(), "browsers-"));
    const port = new URL(driver.address).port;
    // In a process group of its own, so that its browsers end with it.
    const env = { ...process.env, TMPDIR: driver.folder };
    const options = { env, stdio: "ignore", detached: true };
    driver.process = spawn("chromedriver", [`--port=${port}`], options);
    driver.process.on("error", (error) => { driver.failure = error; });
    await until("chromedriver is ready", async () => {
      if (driver.failure) throw driver.failure;
      return (await driver.ask("GET", "/status").catch(() => null))?.ready;
    });
    return driver;
  }

  async ask(method, path, body) {
    const answer = await fetch(this.address + path, {
      method,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MILLIS),
    });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  async browser(width = 700, height = 680) {
    const profile = await mkdtemp(join(this.folder, "profile-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, `--window-size=${width},${height}`];
    const alwaysMatch = { browserName: "chrome", "goog:chromeOptions": { args } };
    const session = await this.ask("POST", "/session", { capabilities: { alwaysMatch } });
    return new Browser(this, `/session/${session.sessionId}`);
  }

  async stop() {
    try { process.kill(-this.process.pid, "SIGKILL"); } catch { /* it has ended */ }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

class Browser {
  constructor(driver, path) {
    Object.assign(this, { driver, path });
  }

  open(url) {
    return this.driver.ask("POST", `${this.path}/url`, { url });
  }

  // Runs the body of a function in the page.
  run(script, ...args) {
    return this.driver.ask("POST", `${this.path}/execute/sync`, { script, args });
  }

  async element(selector) {
    const found = { using: "css selector", value: selector };
    const element = await this.driver.ask("POST", `${this.path}/element`, found);
    return `${this.path}/element/${Object.values(element)[0]}`;
  }

  // As a user does, key by key.
  async type(selector, text) {
    await this.driver.ask("POST", `${await this.element(selector)}/value`, { text });
  }

  async click(selector) {
    await this.driver.ask("POST", `${await this.element(selector)}/click`, {});
  }

  // Presses the pointer at the first place of an element, moves on to the others, and lets go. A
  // place is a part of its width and one of its height, from the upper left corner.
  async drag(selector, places) {
    const corners = "const area = document.querySelector(arguments[0]).getBoundingClientRect();"
      + "return [area.left, area.top, area.width, area.height]";
    const [left, top, width, height] = await this.run(corners, selector);
    const moves = places.map(([x, y]) => ({
      type: "pointerMove", duration: 20, origin: "viewport",
      x: Math.round(left + x * width), y: Math.round(top + y * height),
    }));
    const [down, up] = ["pointerDown", "pointerUp"].map((type) => ({ type, button: 0 }));
    const actions = [moves[0], down, ...moves.slice(1), up];
    const mouse = { type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions };
    await this.driver.ask("POST", `${this.path}/actions`, { actions: [mouse] });
  }

  text(selector) {
    return this.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector);
  }

  async screenshot() {
    return Buffer.from(await this.driver.ask("GET", `${this.path}/screenshot`), "base64");
  }

  close() {
    return this.driver.ask("DELETE", this.path);
  }
}
