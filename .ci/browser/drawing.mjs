// The canvas in two browsers: `node .ci/browser/drawing.mjs PROGRAM [SCREENSHOT]`.
//
// Both draw at once, and see the same; who comes later sees it, too; the server goes and comes back.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { Driver, until } from "./driver.mjs";
import { Server } from "./server.mjs";

const [program, screenshot] = process.argv.slice(2);
const greeting = (address) => `listening on ${address}`;
const server = await Server.prepare(program, (address) => ["serve", address], greeting);
const { address } = server;

// The canvas as a picture, and how many points of it are drawn on.
const picture = (browser) => browser.run("return canvas.toDataURL()");
const inked = (browser) => browser.run(
  `const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
   let points = 0;
   for (let at = 3; at < data.length; at += 4) if (data[at] > 0) points += 1;
   return points`);

async function seeTheSame(browsers) {
  await until("all see the same", async () => {
    const pictures = await Promise.all(browsers.map(picture));
    return pictures.every((one) => one === pictures[0]);
  });
}

async function seeInk(browsers, isEnough) {
  for (const browser of browsers) {
    await until("the ink is seen", async () => isEnough(await inked(browser)),
      () => inked(browser));
  }
  await seeTheSame(browsers);
}

async function colour(browser, value) {
  await browser.run("document.querySelector('#colour').value = arguments[0]", value);
}

const reaches = (browser, state) =>
  until(`the state is '${state}'`, async () => (await browser.text("#state")) === state,
    () => browser.text("#state"));

const wave = (height) => Array.from({ length: 30 }, (_, step) =>
  [0.05 + 0.03 * step, height + 0.15 * Math.sin(step / 3)]);

const driver = await Driver.start();
try {
  await server.start();
  const [ann, bob] = [await driver.browser(), await driver.browser()];
  const both = [ann, bob];
  for (const browser of both) await browser.open(`http://${address}/`);
  for (const browser of both) await reaches(browser, "2 drawing");
  await colour(ann, "#c02020");
  await colour(bob, "#2040c0");

  await ann.drag("#canvas", wave(0.3));
  await seeInk(both, (points) => points > 1_000);
  const byAnn = await inked(ann);
  await bob.drag("#canvas", wave(0.7));
  await seeInk(both, (points) => points > 1.5 * byAnn);
  // At once, each across the other's lines.
  await Promise.all([ann.drag("#canvas", wave(0.5)), bob.drag("#canvas", wave(0.45))]);
  await seeInk(both, (points) => points > 2 * byAnn);
  if (screenshot) await writeFile(screenshot, await ann.screenshot());

  const eve = await driver.browser();
  await eve.open(`http://${address}/`);
  await reaches(ann, "3 drawing");
  await seeTheSame([ann, bob, eve]);
  await eve.close();
  await reaches(ann, "2 drawing");

  await bob.click("#clear");
  await seeInk(both, (points) => points === 0);

  // The server has its lines in memory: whoever comes back begins anew with the others.
  for (const [signal, code] of [["SIGTERM", 0], ["SIGKILL", null]]) {
    await ann.drag("#canvas", wave(0.6));
    await seeInk(both, (points) => points > 1_000);
    assert.equal(await server.stop(signal), code);
    for (const browser of both) await reaches(browser, "disconnected");
    await server.start();
    for (const browser of both) await reaches(browser, "2 drawing");
    await seeInk(both, (points) => points === 0);
    await bob.drag("#canvas", wave(0.4));
    await seeInk(both, (points) => points > 1_000);
    await ann.click("#clear");
    await seeInk(both, (points) => points === 0);
  }
  console.log("two browsers have drawn on one canvas, with two restarts in between");
} finally {
  server.kill();
  await driver.stop();
}
