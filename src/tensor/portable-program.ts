/**
 * A program as plain data for another process: nodes in creation order, each with the places of its inputs. Nothing is
 * nested, because graphs are thousands of nodes deep. Made for structured clone: constants stay typed arrays.
 */
import { ancestors, createNode, type Tensor } from "./graph.ts";
import {
  defineProgram,
  effectInputs,
  mapEffect,
  type Effect,
  type Program,
  type ProgramFunction,
  type Variable,
} from "./program.ts";

export interface PortableProgram {
  readonly variables: readonly Variable[];
  readonly nodes: readonly PortableNode[];
  readonly functions: readonly PortableFunction[];
}

type PortableNode = Pick<Tensor, "op" | "dtype" | "shape" | "scope"> & { readonly inputs: readonly number[] };

/** Nodes by their place. */
interface PortableFunction {
  readonly name: string;
  readonly feeds: readonly number[];
  readonly fetches: readonly (readonly [name: string, node: number])[];
  readonly effects: readonly Effect<number, number>[];
}

export function encodeProgram({ variables, functions }: Program): PortableProgram {
  const roots = functions.flatMap(({ feeds, fetches, effects }) => [
    ...feeds,
    ...Object.values(fetches),
    ...effects.flatMap(effectInputs),
  ]);
  const nodes = ancestors(roots);
  const nodePlace = placesOf(nodes);
  const variablePlace = placesOf(variables);
  return {
    variables,
    nodes: nodes.map(({ op, inputs, dtype, shape, scope }) => ({
      op,
      inputs: inputs.map(nodePlace),
      dtype,
      shape,
      scope,
    })),
    functions: functions.map(({ name, feeds, fetches, effects }) => ({
      name,
      feeds: feeds.map(nodePlace),
      fetches: Object.entries(fetches).map(([key, node]) => [key, nodePlace(node)] as const),
      effects: effects.map((effect) => mapEffect(effect, nodePlace, variablePlace)),
    })),
  };
}

/** Computes the same, in the same order: nodes are created as they were. */
export function decodeProgram({ variables, nodes: given, functions }: PortableProgram): Program {
  const nodes: Tensor[] = [];
  const node = at(nodes);
  for (const { op, inputs, dtype, shape, scope } of given)
    nodes.push(createNode(op, inputs.map(node), dtype, shape, scope));
  return defineProgram({
    variables,
    functions: functions.map(({ name, feeds, fetches, effects }): ProgramFunction => ({
      name,
      feeds: feeds.map(node),
      fetches: Object.fromEntries(fetches.map(([key, place]) => [key, node(place)])),
      effects: effects.map((effect) => mapEffect(effect, node, at(variables))),
    })),
  });
}

function placesOf<Item>(items: readonly Item[]): (item: Item) => number {
  const places = new Map(items.map((item, place) => [item, place]));
  return (item) => {
    const place = places.get(item);
    if (place === undefined) throw new Error("the program holds something that it does not declare");
    return place;
  };
}

const at =
  <Item>(items: readonly Item[]) =>
  (place: number): Item => {
    const item = items[place];
    if (item === undefined) throw new Error(`a portable program names ${place}, which it lacks`);
    return item;
  };
