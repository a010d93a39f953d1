/** The columns of a Parquet file with their types, as a person writes them: `list<struct<role: string, content: string>>`. */
import type { FileMetaData, SchemaElement } from "hyparquet";
import type { Column } from "./column.ts";

interface Node {
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

/** Children of the schema's root: it is a tree, written depth first. */
export const topLevelColumns = ({ schema }: FileMetaData): readonly Column[] => {
  let at = 0;
  const next = (): Node => {
    const element = schema[at++];
    if (element === undefined) throw new RangeError("its schema announces more columns than it names");
    const children: Node[] = [];
    for (let child = 0; child < (element.num_children ?? 0); child++) children.push(next());
    return { element, children };
  };
  return next().children.map((node) => ({ name: node.element.name, type: typeOf(node) }));
};

function typeOf({ element, children }: Node): string {
  const { converted_type: converted, logical_type: logical, repetition_type: repetition } = element;
  const [child] = children;
  if (child !== undefined && (converted === "LIST" || logical?.type === "LIST")) {
    // Three levels: list, repeated group, element. Older writers leave the middle out.
    const [item = child] = child.children.length === 1 ? child.children : [];
    return `list<${typeOf(item === child ? { ...child, element: { ...child.element, repetition_type: "REQUIRED" } } : item)}>`;
  }
  if (
    child !== undefined &&
    (converted === "MAP" || converted === "MAP_KEY_VALUE" || logical?.type === "MAP")
  )
    return `map<${child.children.map(typeOf).join(", ")}>`;
  const own =
    children.length > 0
      ? `struct<${children.map((each) => `${each.element.name}: ${typeOf(each)}`).join(", ")}>`
      : leafType(element);
  return repetition === "REPEATED" ? `list<${own}>` : own;
}

/** https://parquet.apache.org/docs/file-format/types/logicaltypes/ */
function leafType({
  type,
  type_length,
  converted_type: converted,
  logical_type: logical,
  precision,
  scale,
}: SchemaElement): string {
  if (logical?.type === "INTEGER") return `${logical.isSigned ? "" : "u"}int${logical.bitWidth}`;
  if (logical?.type === "DECIMAL" || converted === "DECIMAL")
    return `decimal(${precision ?? 0}, ${scale ?? 0})`;
  const integer = /^(U?INT)_(\d+)$/u.exec(converted ?? "");
  if (integer !== null) return `${integer[1]}${integer[2]}`.toLowerCase();
  if (converted === "UTF8") return "string";
  if (converted !== undefined) return converted.toLowerCase().replace(/_(?:millis|micros)$/u, "");
  if (logical !== undefined) return logical.type.toLowerCase();
  if (type === "BYTE_ARRAY") return "binary";
  if (type === "FIXED_LEN_BYTE_ARRAY") return `binary(${type_length ?? 0})`;
  if (type === "INT96") return "timestamp";
  return (type ?? "unknown").toLowerCase();
}
