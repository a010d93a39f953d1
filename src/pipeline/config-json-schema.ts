/** JSON Schema of a config, through the Standard JSON Schema extension that zod and others implement. */
import type { Json, JsonObject } from "../std/json.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** https://standardschema.dev/json-schema, version 1. */
interface WithJsonSchema {
  readonly jsonSchema: { readonly input: (options: { target: "draft-2020-12" }) => JsonObject };
}

/** Of what a person may write; undefined where the schema's library cannot tell. */
export function inputJsonSchema(schema: StandardSchema): JsonObject | undefined {
  const standard: object = schema["~standard"];
  return hasJsonSchema(standard) ? standard.jsonSchema.input({ target: "draft-2020-12" }) : undefined;
}

const hasJsonSchema = (standard: object): standard is WithJsonSchema => "jsonSchema" in standard;

/**
 * For editors: a recipe may `extends` another and leave out what that one gives, so nothing is required.
 * Empty where the schema's library cannot tell.
 */
export function configJsonSchema(schema: StandardSchema): JsonObject {
  const whole = withoutRequired(inputJsonSchema(schema) ?? {});
  const properties = isObject(whole["properties"]) ? whole["properties"] : {};
  const description = "Recipe that this one changes, relative to this file.";
  return { ...whole, properties: { extends: { type: "string", description }, ...properties } };
}

function withoutRequired(schema: JsonObject): JsonObject {
  const kept = Object.entries(schema).filter(([key, value]) => !(key === "required" && Array.isArray(value)));
  return Object.fromEntries(kept.map(([key, value]) => [key, strip(value)]));
}

function strip(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => strip(item));
  return isObject(value) ? withoutRequired(value) : value;
}

/** The keys that may stand at a path of the config; empty where it cannot be told. */
export function keysAt(schema: JsonObject | undefined, path: readonly PropertyKey[]): string[] {
  if (schema === undefined) return [];
  const root = schema;
  let here: JsonObject[] = [root];
  for (const part of path) {
    here = here.flatMap((each) => {
      const variants = expand(each, root);
      return variants.flatMap((variant) => {
        const property = isObject(variant["properties"]) ? variant["properties"][String(part)] : undefined;
        const next =
          typeof part === "number" ? variant["items"] : (property ?? variant["additionalProperties"]);
        return isObject(next) ? [next] : [];
      });
    });
  }
  const keys = here
    .flatMap((each) => expand(each, root))
    .flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : []));
  return [...new Set(keys)];
}

/** A schema with its references and alternatives followed. */
function expand(schema: JsonObject, root: JsonObject, depth = 0): JsonObject[] {
  if (depth > 8) return [];
  const referred = typeof schema["$ref"] === "string" ? resolveReference(schema["$ref"], root) : undefined;
  const alternatives = ["anyOf", "oneOf", "allOf"].flatMap((key) => {
    const list = schema[key];
    return Array.isArray(list) ? list.filter((item: Json): item is JsonObject => isObject(item)) : [];
  });
  const more = [...(referred ? [referred] : []), ...alternatives];
  return [schema, ...more.flatMap((each) => expand(each, root, depth + 1))];
}

/** `#/$defs/name` */
function resolveReference(reference: string, root: JsonObject): JsonObject | undefined {
  let here: Json | undefined = root;
  for (const part of reference.split("/").slice(1)) here = isObject(here) ? here[part] : undefined;
  return isObject(here) ? here : undefined;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
