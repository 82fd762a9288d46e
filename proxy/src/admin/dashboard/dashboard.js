// The dashboard: asks the admin API every two seconds and shows what it says. Names come from
// configurations, so everything is set as text, never as markup.
"use strict";

const INTERVAL_MS = 2000;
const element = (id) => document.getElementById(id);
let before = null;

// One sample of the Prometheus text: name{label="value",…} number.
function parseMetrics(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, key, value] of (found[2] || "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    }
    samples.push({ name: found[1], labels, value: Number(found[3]) });
  }
  return samples;
}

function requestRows(samples) {
  const rows = new Map();
  const row = ({ route, service }) => {
    const key = JSON.stringify([route, service]);
    if (!rows.has(key)) rows.set(key, { key, route, service, total: 0, failed: 0, quantiles: {} });
    return rows.get(key);
  };
  for (const { name, labels, value } of samples) {
    if (name === "corelane_requests_total") {
      row(labels).total += value;
      if (labels.code.startsWith("5")) row(labels).failed += value;
    } else if (name === "corelane_request_duration_quantile_seconds") {
      row(labels).quantiles[labels.quantile] = value;
    }
  }
  return [...rows.values()].sort((a, b) => b.total - a.total);
}

function fill(body, rows) {
  body.replaceChildren(...rows.map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return line;
  }));
}

const milliseconds = (seconds) => (seconds === undefined ? "–" : `${(seconds * 1000).toFixed(1)} ms`);

function showRequests(rows, now) {
  const rate = (row) => {
    const earlier = before && before.totals.get(row.key);
    if (earlier === undefined || earlier === null || row.total < earlier) return "–";
    return ((row.total - earlier) * 1000 / (now - before.at)).toFixed(1);
  };
  fill(element("requests"), rows.map((row) => [
    row.route || "(no route)", row.service || "–", rate(row), row.total, row.failed,
    milliseconds(row.quantiles["0.5"]), milliseconds(row.quantiles["0.99"]),
  ]));
  before = { at: now, totals: new Map(rows.map((row) => [row.key, row.total])) };
}

function showServices(services) {
  fill(element("services"), services.flatMap(({ name, endpoints }) => endpoints.map((endpoint) => [
    name, endpoint.address, endpoint.subset || "–", endpoint.active, endpoint.requests, endpoint.failures,
  ])));
}

function showStatus(status) {
  element("version").textContent = status.version;
  element("state").textContent = status.status;
  element("state").className = status.status;
  const facts = [
    ["Generation", `${status.generation}, loaded at ${status.loaded_at}`],
    ["Driver", status.driver],
    ...status.listeners.map(({ name, address }) => ["Listener", name === address ? name : `${address} (${name})`]),
  ];
  element("facts").replaceChildren(...facts.flatMap(([term, text]) => {
    const [dt, dd] = ["dt", "dd"].map((tag) => document.createElement(tag));
    dt.textContent = term;
    dd.textContent = text;
    return [dt, dd];
  }));
  const refused = status.last_refused_reload;
  element("notice").hidden = !refused;
  if (refused) {
    const errors = refused.errors.map((e) => `${e.file}:${e.line}:${e.column}: ${e.path}: ${e.message}`);
    element("notice").textContent = [`The reload at ${refused.at} was refused: ${refused.reason}`, ...errors].join("\n");
  }
}

async function ask(path) {
  const reply = await fetch(path, { cache: "no-store" });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply;
}

async function refresh() {
  try {
    const [status, services, metrics] = await Promise.all([
      ask("/status").then((reply) => reply.json()),
      ask("/services").then((reply) => reply.json()),
      ask("/metrics").then((reply) => reply.text()),
    ]);
    showStatus(status);
    showServices(services);
    showRequests(requestRows(parseMetrics(metrics)), performance.now());
  } catch (error) {
    element("state").textContent = "no answer";
    element("state").className = "gone";
  }
  setTimeout(refresh, INTERVAL_MS);
}

element("reload").addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    await fetch("/reload", { method: "POST", headers: { "X-Corelane-Admin": "1" } });
  } finally {
    event.target.disabled = false;
  }
});
refresh();
