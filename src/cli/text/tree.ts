/** Trees as lines, drawn with box characters. A node that came before is named again but not opened again. */

export interface TreeNode {
  /** The same key, the same node. */
  readonly key: string;
  readonly lines: readonly [string, ...string[]];
  readonly children: readonly TreeChild[];
}

export interface TreeChild {
  /** Stands before the child's first line, e.g. the input's name. */
  readonly label?: string;
  readonly key: string;
}

/** A tree for each root. `find` gives the node of a key; keys may form a directed acyclic graph. */
export function trees(
  roots: readonly string[],
  find: (key: string) => TreeNode,
): readonly (readonly string[])[] {
  const opened = new Set<string>();
  const draw = (key: string, label: string | undefined): readonly string[] => {
    const node = find(key);
    const start = label === undefined ? "" : `${label}: `;
    const [first, ...more] = node.lines;
    if (opened.has(key)) return [`${start}${first}${node.children.length === 0 ? "" : " (see above)"}`];
    opened.add(key);
    const children = node.children.map((child) => draw(child.key, child.label));
    const stem = children.length === 0 ? "  " : "│ ";
    return [
      `${start}${first}`,
      ...more.map((line) => `${stem}${line}`),
      ...children.flatMap((lines, index) => branch(lines, index === children.length - 1)),
    ];
  };
  return roots.map((root) => draw(root, undefined));
}

function branch([first = "", ...more]: readonly string[], isLast: boolean): readonly string[] {
  return [`${isLast ? "└─ " : "├─ "}${first}`, ...more.map((line) => `${isLast ? "   " : "│  "}${line}`)];
}
