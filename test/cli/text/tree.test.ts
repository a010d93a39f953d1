import { expect, test } from "vitest";
import { trees, type TreeNode } from "../../../src/cli/text/tree.ts";

const nodes: Readonly<Record<string, TreeNode>> = {
  top: { key: "top", lines: ["top", "more"], children: [{ key: "a" }, { key: "b", label: "second" }] },
  a: { key: "a", lines: ["a", "about a"], children: [{ key: "leaf" }] },
  b: { key: "b", lines: ["b"], children: [{ key: "a", label: "again" }, { key: "leaf" }] },
  leaf: { key: "leaf", lines: ["leaf"], children: [] },
};

test("children hang below their parent, extra lines beside the stem, and nothing is opened twice", () => {
  const find = (key: string) => nodes[key] ?? { key, lines: [key], children: [] };
  expect(trees(["top", "b"], find)).toEqual([
    [
      "top",
      "│ more",
      "├─ a",
      "│  │ about a",
      "│  └─ leaf",
      "└─ second: b",
      "   ├─ again: a (see above)",
      "   └─ leaf",
    ],
    ["b (see above)"],
  ]);
});
