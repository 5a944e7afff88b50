// Answers expressions with the reference implementation, whose path is the first argument. Reads
// {"document", "expressions"}, writes a line for each expression: {"value"}, {} for nothing,
// {"function"} for what JSON cannot hold, {"code"} for an error, {"broken"} for one of JavaScript.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const TIMEOUT_MILLISECONDS = 1000;
const { document, expressions } = JSON.parse(readFileSync(0, "utf8"));

function evaluator() {
  const STEPS_MAX = 20000;
  const DEPTH_MAX = 300;
  const PARTS_MAX = 20000;
  const NOW_MILLISECONDS = 1700000000000;

  // The same present time on both sides.
  const Timeless = Date;
  globalThis.Date = class extends Timeless {
    constructor(...parts) {
      super(...(parts.length > 0 ? parts : [NOW_MILLISECONDS]));
    }
    static now() {
      return NOW_MILLISECONDS;
    }
  };

  // AWS keeps all digits of an integer, where $string and & of this implementation round to 15.
  const toPrecision = Number.prototype.toPrecision;
  Number.prototype.toPrecision = function (digits) {
    return Number.isInteger(Number(this)) ? String(this) : toPrecision.call(this, digits);
  };

  // AWS writes what JSON has no number for as a string.
  function plain(value, state) {
    if (++state.parts > PARTS_MAX) throw { code: "D2015" };
    if (typeof value === "function" || value?._jsonata_lambda || value?._jsonata_function) {
      state.hasFunction = true;
      return null;
    }
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    if (Array.isArray(value)) {
      return Array.from(value, (item) => plain(item === undefined ? null : item, state));
    }
    if (value && typeof value === "object") {
      if (value instanceof RegExp) state.hasFunction = true;
      const entries = Object.entries(value).filter(([, member]) => member !== undefined);
      return Object.fromEntries(entries.map(([name, member]) => [name, plain(member, state)]));
    }
    return value;
  }

  return async function answer(text, documentText) {
    try {
      const expression = jsonata(text);
      let steps = 0;
      let depth = 0;
      expression.assign(Symbol.for("jsonata.__evaluate_entry"), () => {
        if (++steps > STEPS_MAX || ++depth > DEPTH_MAX) throw { code: "U1001" };
      });
      expression.assign(Symbol.for("jsonata.__evaluate_exit"), () => {
        depth--;
      });
      const copy = () => JSON.parse(documentText);
      expression.assign("states", { input: copy() });
      expression.assign("orders", copy().orders);
      expression.assign("list", [3, 1, 2]);
      expression.assign("count_", 2);
      expression.assign("one", copy().one);
      const value = await expression.evaluate(copy());
      if (value === undefined) return {};
      const state = { parts: 0, hasFunction: false };
      const result = plain(value, state);
      return state.hasFunction ? { function: true } : { value: result };
    } catch (error) {
      if (typeof error?.code === "string" && /^[SDTU][0-9]{4}$/.test(error.code)) {
        return { code: error.code };
      }
      return { broken: String(error?.message ?? error) };
    }
  };
}

// Everything runs in a context of its own, so that what takes too long can be broken off, also
// where it waits for promises.
function start() {
  const context = vm.createContext({ Buffer, URL, encodeURI, encodeURIComponent }, {
    microtaskMode: "afterEvaluate",
  });
  vm.runInContext(readFileSync(process.argv[2], "utf8"), context);
  context.documentText = JSON.stringify(document);
  vm.runInContext(`globalThis.answer = (${evaluator})();`, context);
  return context;
}

const ask = new vm.Script(
  "globalThis.line = undefined; answer(text, documentText).then((found) => { line = JSON.stringify(found); }, () => {});",
);
let context = start();
const lines = expressions.map((text) => {
  context.text = text;
  try {
    ask.runInContext(context, { timeout: TIMEOUT_MILLISECONDS });
  } catch {
    context = start();
    return JSON.stringify({ code: "U1001" });
  }
  return context.line ?? JSON.stringify({ broken: "no answer" });
});
process.stdout.write(lines.join("\n") + "\n");
