// Procedures and topics in two browsers: `node .ci/browser/rpc.mjs PROGRAM`.
//
// Both call, one hears what the other publishes, and does so after the server was gone, too.

import assert from "node:assert/strict";
import { Driver, until } from "./driver.mjs";
import { Server } from "./server.mjs";

const [program] = process.argv.slice(2);
const greeting = (address) => `listening on ${address}`;
const server = await Server.prepare(program, (address) => ["serve", address], greeting);
const { address } = server;

// The last line comes first in the page.
const says = (browser, line) =>
  until(`it says '${line}'`, async () => (await browser.text("#log")).split("\n")[0] === line,
    () => browser.text("#log"));

async function fill(browser, selector, text) {
  await browser.run("document.querySelector(arguments[0]).value = ''", selector);
  await browser.type(selector, text);
}

const isConnected = (browser, state) =>
  until(`it is ${state}`, async () => (await browser.text("#state")) === state);

const driver = await Driver.start();
try {
  await server.start();
  const [ann, bob] = [await driver.browser(), await driver.browser()];
  for (const browser of [ann, bob]) {
    await browser.open(`http://${address}/`);
    await isConnected(browser, "connected");
    await browser.click("#call button");
    await says(browser, "add = 3");
  }
  // What nobody offers, and what is no JSON, is said.
  await fill(ann, "#procedure", "nothing");
  await ann.click("#call button");
  await until("the failure is said", async () => (await ann.text("#log")).startsWith("failed: "));
  await fill(ann, "#arguments", "[1,");
  await ann.click("#call button");
  await until("the failure is said", async () => (await ann.text("#log")).includes("JSON"));

  await bob.click("#subscribe button");
  await says(bob, "subscribed to news");
  for (const [number, signal] of [[1, "SIGTERM"], [2, "SIGKILL"]]) {
    await fill(ann, "#value", `{"number": ${number}, "text": "<b>ä</b>"}`);
    const heard = `news: {"number":${number},"text":"<b>ä</b>"}`;
    await ann.click("#publish button");
    await says(ann, "published to 1");
    await says(bob, heard);
    assert.equal(await server.stop(signal), signal === "SIGTERM" ? 0 : null);
    for (const browser of [ann, bob]) await isConnected(browser, "disconnected");
    await server.start();
    for (const browser of [ann, bob]) await isConnected(browser, "connected");
    // Who has subscribed does so again by itself, as soon as it is connected.
    await until("somebody hears it", async () => {
      await ann.click("#publish button");
      return (await ann.text("#log")).startsWith("published to 1");
    });
    await says(bob, heard);
  }
  console.log("two browsers have called and published, with two restarts in between");
} finally {
  server.kill();
  await driver.stop();
}
