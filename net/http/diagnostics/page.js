// Asks for everything once a second and shows it. Whatever comes is shown as text, never as HTML.
"use strict";

const PERIOD_MILLIS = 1000;
// A list that nobody reads to its end costs the process more than it tells.
const LISTED_MAX = 200;
const LIVE_MAX = 5000;

const $ = (id) => document.getElementById(id);

async function ask(command) {
  const response = await fetch(`api/${command}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`${command}: ${response.status}`);
  return response.json();
}

function time(millis) {
  if (millis === null || millis === undefined) return "";
  if (millis < 10000) return `${millis.toFixed(millis < 10 ? 2 : 0)} ms`;
  return `${(millis / 1000).toFixed(1)} s`;
}

// A cell is a text, or a number, which stands at the right.
function rows(id, lines) {
  const made = lines.map(({ cells, number }) => {
    const row = document.createElement("tr");
    for (const cell of cells) {
      const made = document.createElement("td");
      made.textContent = cell ?? "";
      if (typeof cell === "number") made.className = "number";
      row.append(made);
    }
    if (number !== undefined) row.dataset.number = number;
    return row;
  });
  $(id).replaceChildren(...made);
}

function worker({ running, name, runs_for_ms, is_stuck, is_asleep }) {
  if (running === null) return is_asleep ? "sleeps" : "is awake";
  const who = name === null ? `${running}` : `${running} '${name}'`;
  return `runs ${who} for ${time(runs_for_ms)}${is_stuck ? ", and does not answer" : ""}`;
}

function figures({ parked, ...metrics }) {
  const shown = [];
  const show = (label, text) => {
    const line = document.createElement("div");
    for (const part of [label.replaceAll("_", " "), text]) {
      const span = document.createElement("span");
      span.textContent = part;
      line.append(span);
    }
    shown.push(line);
  };
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value === "number") {
      show(name, value.toLocaleString("en"));
    } else {
      const text = `${time(value.p50_ms)} / ${time(value.p99_ms)} / ${time(value.longest_ms)}`;
      show(`${name} 50 % / 99 % / longest`, text);
    }
  }
  for (const [call, count] of Object.entries(parked)) {
    show(`parked in ${call}`, count.toLocaleString("en"));
  }
  $("figures").replaceChildren(...shown);
}

async function refresh() {
  const [top, locks, pools, metrics] =
    await Promise.all([ask("top"), ask("locks"), ask("pool"), ask("metrics")]);
  rows("workers", top.workers.map((it) => ({ cells: [it.runtime, it.index, worker(it)] })));
  rows("groups", top.groups.map((it) => ({ cells: [it.count, it.state, it.call, it.site] })));
  rows("locks", locks.slice(0, LISTED_MAX).map((it) => ({ cells: [it.text], number: it.number })));
  rows("pools", pools.map((it) => ({
    cells: [it.name, it.threads, it.idle, it.running, it.queued, it.done],
  })));
  figures(metrics);
  if (top.live <= LIVE_MAX) {
    const { threads } = await ask("ps");
    rows("threads", threads.slice(0, LISTED_MAX).map((it) => ({
      cells: [it.number, it.name, it.state, it.wait?.call, time(it.waits_for_ms),
        `${it.site.file}:${it.site.line}`],
      number: it.number,
    })));
    const listed = Math.min(threads.length, LISTED_MAX);
    $("listed").textContent = `${listed} of ${threads.length}; click one for its stack`;
  } else {
    $("threads").replaceChildren();
    $("listed").textContent = `${top.live}, too many to list here`;
  }
  $("status").className = "";
  $("status").textContent = `${top.live} live, at ${new Date().toLocaleTimeString()}`;
}

async function show(number) {
  const response = await fetch(`text/bt/${number}`, { cache: "no-store" });
  $("stack").textContent = await response.text();
  $("stack").hidden = false;
}

document.addEventListener("click", (event) => {
  const number = event.target.closest?.("tr[data-number]")?.dataset.number;
  if (number !== undefined) show(number);
});

async function run() {
  for (;;) {
    if (!$("paused").checked) {
      await refresh().catch((error) => {
        $("status").className = "gone";
        $("status").textContent = `no answer (${error.message})`;
      });
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MILLIS));
  }
}

run();
