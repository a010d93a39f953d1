/**
 * Functions that give a program's summed variables out and take them in, many in one call: a call has a price of its own
 * (a third of a millisecond in TensorFlow where one of 128 variables is chosen), and there are hundreds of variables.
 */
import { bytesOf } from "../../tensor/cost.ts";
import {
  defineProgram,
  feed,
  readVariable,
  type Program,
  type ProgramFunction,
  type Variable,
} from "../../tensor/program.ts";

/** Variables that pass together. */
export interface ExchangeGroup {
  readonly variables: readonly Variable[];
  /** The function that fetches each by its name. */
  readonly publish: string;
  /** The function that takes each as a feed of its name. */
  readonly load: string;
}

/** Of a group in host memory, where it is of more than one variable. */
const maxGroupBytes = 1 << 26;

export function withExchange(
  program: Program,
  summed: readonly Variable[],
): { readonly program: Program; readonly groups: readonly ExchangeGroup[] } {
  const groups = groupUp(summed).map((variables, index) => ({
    variables,
    publish: `exchange/publish/${index}`,
    load: `exchange/load/${index}`,
  }));
  const functions = groups.flatMap(functionsOf);
  return { program: defineProgram({ ...program, functions: [...program.functions, ...functions] }), groups };
}

/** In their order. */
function groupUp(variables: readonly Variable[]): Variable[][] {
  const groups: Variable[][] = [];
  let bytes = Infinity;
  for (const variable of variables) {
    bytes += bytesOf(variable);
    const last = groups.at(-1);
    if (last !== undefined && bytes <= maxGroupBytes) last.push(variable);
    else {
      groups.push([variable]);
      bytes = bytesOf(variable);
    }
  }
  return groups;
}

function functionsOf({ variables, publish, load }: ExchangeGroup): ProgramFunction[] {
  const fetches = Object.fromEntries(variables.map((variable) => [variable.name, readVariable(variable)]));
  const given = variables.map((variable) => ({
    variable,
    value: feed(variable.name, variable.shape, variable.dtype),
  }));
  return [
    { name: publish, feeds: [], fetches, effects: [] },
    {
      name: load,
      feeds: given.map(({ value }) => value),
      fetches: {},
      effects: given.map((each) => ({ kind: "assign", ...each })),
    },
  ];
}
