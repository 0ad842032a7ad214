// An example that serves pages: started, stopped, and started again at the same address.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./driver.mjs";

export class Server {
  // `words` gives the command line for an address, `greeting` what it prints once it listens.
  static async prepare(program, words, greeting) {
    const server = new Server();
    Object.assign(server, { program, words, greeting, process: null });
    server.address = `127.0.0.1:${await freePort()}`;
    return server;
  }

  async start() {
    const options = { stdio: ["ignore", "pipe", "inherit"] };
    this.process = spawn(this.program, this.words(this.address), options);
    const [line] = await once(this.process.stdout, "data");
    assert.equal(line.toString(), `${this.greeting(this.address)}\n`);
  }

  // Its exit code; null if the signal has ended it.
  async stop(signal) {
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    const [code] = await ended;
    this.process = null;
    return code;
  }

  kill() {
    this.process?.kill("SIGKILL");
  }
}
