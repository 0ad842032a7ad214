// The status page in a browser: `node .ci/browser/status_page.mjs PROGRAM [SCREENSHOT]`.
//
// It shows who lives, refreshes by itself, shows the stack of whom one clicks, and says so when the
// server has gone.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Driver, freePort, until } from "./driver.mjs";

const [program, screenshot] = process.argv.slice(2);
const address = `127.0.0.1:${await freePort()}`;
const server = spawn(program, [address], { stdio: ["ignore", "pipe", "inherit"] });
await once(server.stdout, "data");

const driver = await Driver.start();
try {
  const page = await driver.browser(1100, 900);
  await page.open(`http://${address}/debug`);
  assert.equal(await page.run("return location.pathname"), "/debug/");
  const shows = (selector, text) => until(`'${text}' in ${selector}`, async () =>
    (await page.text(selector)).includes(text), () => page.text(selector));
  await shows("#status", "live");
  await shows("#workers", "greenstd");
  await shows("#threads", "clockwork");
  await shows("#groups", "sleep");
  await shows("#figures", "switches");
  await shows("#pools", "diagnostics");

  // By itself: what is new is seen without a reload.
  const visits = Array.from({ length: 100 }, () => fetch(`http://${address}/`));
  await shows("#locks", "Mutex::lock");
  await Promise.all(visits);
  await until("nobody waits any more", async () => (await page.text("#locks")) === "");

  await page.run(`[...document.querySelectorAll("#threads tr")]
    .find((row) => row.innerText.includes("clockwork")).click()`);
  await shows("#stack", "'clockwork'");
  await shows("#stack", "sleep");
  if (screenshot) await writeFile(screenshot, await page.screenshot());

  server.kill("SIGTERM");
  const [code] = await once(server, "exit");
  assert.equal(code, 0);
  await shows("#status", "no answer");
  console.log("the status page shows who lives, waits and holds");
} finally {
  server.kill("SIGKILL");
  await driver.stop();
}
