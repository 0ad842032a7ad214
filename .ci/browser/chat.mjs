// The chat in two browsers: `node .ci/browser/chat.mjs PROGRAM [SCREENSHOT]`.
//
// One speaks by WebSocket and one by long poll; then both the other way round; then the server goes
// and comes back. Every message is seen by both, once and in the same order.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { Driver, until } from "./driver.mjs";
import { Server } from "./server.mjs";

const [program, screenshot] = process.argv.slice(2);
const greeting = (address) => `listening on http://${address}/`;
const server = await Server.prepare(program, (address) => [address], greeting);
const { address } = server;

const texts = (browser) =>
  browser.run("return [...document.querySelectorAll('#messages .text')].map(e => e.innerText)");
const notes = (browser) =>
  browser.run("return [...document.querySelectorAll('#messages .note')].map(e => e.innerText)");

const said = [];

async function seenByAll(browsers) {
  for (const browser of browsers) {
    const asExpected = async () => JSON.stringify(await texts(browser)) === JSON.stringify(said);
    await until(`all see ${JSON.stringify(said)}`, asExpected, () => texts(browser));
  }
}

async function say(browser, text, all) {
  await browser.type("#text", text);
  await browser.click("button");
  said.push(text);
  await seenByAll(all);
}

async function reaches(browser, status) {
  const is = async () => (await browser.text("#status")).startsWith(status);
  await until(`the status is '${status}'`, is, () => browser.text("#status"));
}

const driver = await Driver.start();
try {
  await server.start();
  const ann = await driver.browser();
  const bob = await driver.browser();
  const all = [ann, bob];
  await ann.open(`http://${address}/?name=Ann`);
  await bob.open(`http://${address}/?name=Bob&transport=poll`);
  await reaches(ann, "connected by WebSocket");
  await reaches(bob, "connected by long poll");

  await say(ann, "Is anybody there?", all);
  await say(bob, "Yes, by long poll. And you?", all);
  await say(ann, "By WebSocket. <b>Each</b> of us is a green thread.", all);
  await say(bob, "Do five thousand of us fit?", all);
  await say(ann, "Easily: who waits costs a little memory, and nothing else.", all);
  // Markup is text.
  assert.equal(await ann.run("return document.querySelectorAll('#messages .text b').length"), 0);
  if (screenshot) await writeFile(screenshot, await ann.screenshot());
  for (let number = 1; number <= 5; number += 1) await say(all[number % 2], `Round ${number}`, all);
  // What the server refuses is said, and nothing is shown.
  await ann.run(`document.querySelector("#name").maxLength = 100;
                 document.querySelector("#name").value = "x".repeat(41)`);
  await ann.type("#text", "by a long name");
  await ann.click("button");
  await until("Ann is refused", async () =>
    (await ann.text("#complaint")) === "the name has more than 40 characters");
  await ann.run(`document.querySelector("#name").value = "Ann";
                 document.querySelector("#text").value = ""`);

  // Each by the other transport.
  await ann.run("transport.value = 'poll'; transport.onchange()");
  await bob.run("transport.value = 'websocket'; transport.onchange()");
  await reaches(ann, "connected by long poll");
  await reaches(bob, "connected by WebSocket");
  await say(ann, "Now I poll,", all);
  await say(bob, "and I do not.", all);

  // Once as told, and once without a farewell.
  for (const [signal, code] of [["SIGTERM", 0], ["SIGKILL", null]]) {
    assert.equal(await server.stop(signal), code);
    for (const browser of all) await reaches(browser, "connection lost");
    await server.start();
    await reaches(ann, "connected by long poll");
    await reaches(bob, "connected by WebSocket");
    await say(ann, `After ${signal}, by long poll`, all);
    await say(bob, `After ${signal}, by WebSocket`, all);
  }
  for (const browser of all) {
    const expected = ["Connection lost.", "Connected again."];
    assert.deepEqual(await notes(browser), [...expected, ...expected]);
  }
  // Who comes later sees what is there.
  const eve = await driver.browser();
  await eve.open(`http://${address}/?name=Eve`);
  await until("Eve sees the last words", async () => (await texts(eve)).at(-1) === said.at(-1));
  console.log(`${said.length} messages seen by both, with two restarts in between`);
} finally {
  server.kill();
  await driver.stop();
}
