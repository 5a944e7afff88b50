// The engine of the package aws-local-stepfunctions, in memory and without histories, for
// `cargo xtask bench --peers`: prints one JSON object of figures.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "package.json"));
const seconds = Number(process.argv[3]);
const { StateMachine } = require("aws-local-stepfunctions");

const counting = {
  StartAt: "Begin",
  States: {
    Begin: { Type: "Pass", Result: { count: 0 }, Next: "Enough" },
    Enough: {
      Type: "Choice",
      Choices: [{ Variable: "$.count", NumericGreaterThanEquals: 1000, Next: "Done" }],
      Default: "Add",
    },
    Add: { Type: "Pass", Parameters: { "count.$": "States.MathAdd($.count, 1)" }, Next: "Enough" },
    Done: { Type: "Succeed" },
  },
};
const length = 2000;
const chain = { StartAt: "S0", States: {} };
for (let index = 0; index < length; index += 1) {
  const way = index + 1 === length ? { End: true } : { Next: `S${index + 1}` };
  chain.States[`S${index}`] = { Type: "Pass", Result: { step: index, of: length }, ...way };
}
const map = {
  StartAt: "Items",
  States: {
    Items: { Type: "Pass", Result: { items: [...Array(1000).keys()] }, Next: "All" },
    All: {
      Type: "Map",
      ItemsPath: "$.items",
      ItemProcessor: { StartAt: "Each", States: { Each: { Type: "Pass", End: true } } },
      End: true,
    },
  },
};

// How often in a second.
const rate = async (definition) => {
  const machine = new StateMachine(definition);
  await machine.run({}).result;
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < seconds * 1000) {
    await machine.run({}).result;
    count += 1;
  }
  return (count * 1000) / (performance.now() - began);
};

const figures = {
  counting: (await rate(counting)) * 2000,
  chain: (await rate(chain)) * length,
  map: 1000 / (await rate(map)),
};
console.log(JSON.stringify(figures));
