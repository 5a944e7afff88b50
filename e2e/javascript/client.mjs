// What the JavaScript SDK does with a server: starts executions in both ways and reads a history
// page by page. Prints one JSON object. Called by test_javascript.py with the server's address, a
// role, and an access key that the server knows.

import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  paginateGetExecutionHistory,
} from "@aws-sdk/client-sfn";

const [endpoint, roleArn, accessKeyId, secretAccessKey] = process.argv.slice(2);
const settings = {
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
  // The SDK puts "sync-" before the host of StartSyncExecution, which AWS's own hosts need.
  disableHostPrefix: true,
};
const client = new SFNClient(settings);

const states = {};
for (let number = 0; number < 10; number += 1) {
  const last = number === 9;
  states[`S${number}`] = { Type: "Pass", ...(last ? { End: true } : { Next: `S${number + 1}` }) };
}
const definition = JSON.stringify({ StartAt: "S0", States: states });

async function create(name, type) {
  const command = new CreateStateMachineCommand({ name, type, definition, roleArn });
  return (await client.send(command)).stateMachineArn;
}

const standard = await create("javascript", "STANDARD");
const express = await create("javascript-express", "EXPRESS");
const input = JSON.stringify({ from: "JavaScript" });

const started = await client.send(new StartExecutionCommand({ stateMachineArn: standard, input }));
const execution = { executionArn: started.executionArn };
let described = await client.send(new DescribeExecutionCommand(execution));
while (described.status === "RUNNING") {
  described = await client.send(new DescribeExecutionCommand(execution));
}

const pages = [];
for await (const page of paginateGetExecutionHistory({ client, pageSize: 7 }, execution)) {
  pages.push(page.events.map((event) => event.id));
}

const sync = await client.send(new StartSyncExecutionCommand({ stateMachineArn: express, input }));

// The signature is looked at: another secret is another signature.
const wrong = { accessKeyId, secretAccessKey: `${secretAccessKey}x` };
const stranger = new SFNClient({ ...settings, credentials: wrong, maxAttempts: 1 });
const refused = await stranger.send(new DescribeExecutionCommand(execution)).then(
  () => "taken",
  (error) => error.name,
);

console.log(
  JSON.stringify({
    refused,
    startDateIsDate: started.startDate instanceof Date,
    status: described.status,
    output: described.output,
    pages,
    sync: { status: sync.status, output: sync.output, billing: sync.billingDetails },
  }),
);
