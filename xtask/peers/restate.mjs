// Restate's server with a service of its Node SDK, for `cargo xtask bench --peers`: prints where
// the server's ingress listens, and stays until its input ends.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";

// The SDK counts on it, and Node has it from 22 on.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const folder = process.argv[2];
const require = createRequire(path.join(folder, "package.json"));
const restate = require("@restatedev/restate-sdk");

// A port that nobody has at the moment.
const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const steps = async (context, count) => {
  for (let step = 0; step < count; step += 1) {
    await context.run(`step-${step}`, () => ({ step, of: count }));
  }
  return { done: true };
};
const bench = restate.service({
  name: "bench",
  handlers: {
    chain: async (context) => steps(context, 10),
    child: async (context) => steps(context, 1),
    parent: async (context) => context.serviceClient({ name: "bench" }).child({}),
    map: async (context) => steps(context, 1000),
  },
});

const [service, ingress, admin, node] = await Promise.all([1, 2, 3, 4].map(freePort));
await restate.endpoint().bind(bench).listen(service);
const server = spawn(
  path.join(folder, "node_modules/.bin/restate-server"),
  ["--no-logo", "--base-dir", mkdtempSync(path.join(folder, "restate-data-")), "--listen-mode", "tcp"],
  {
    env: {
      ...process.env,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_LOG_FILTER: "error",
    },
    stdio: "ignore",
    // A group of its own: the command only starts the server, and both must end.
    detached: true,
  },
);
process.on("exit", () => process.kill(-server.pid, "SIGKILL"));
process.on("SIGTERM", () => process.exit());
process.stdin.on("end", () => process.exit()).resume();

// Until it answers; it has no line to wait for.
const deadline = Date.now() + 60_000;
for (;;) {
  try {
    const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${service}` }),
    });
    if (answer.ok) break;
  } catch (error) {
    if (Date.now() > deadline) throw error;
  }
  if (Date.now() > deadline) throw new Error("Restate did not take the service");
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log(`listening on http://127.0.0.1:${ingress}`);
