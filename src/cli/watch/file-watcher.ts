/** Tells which of the watched files changed, once an editor is done with them. */
import { sep } from "node:path";
import { watch } from "chokidar";
import type { WatchedFiles } from "../../runner/session-types.ts";

/** Editors write in several steps, and people save several files. */
const quietMs = 200;

const ignoredFolders = new Set(["node_modules", ".git"]);

export interface FileWatcher {
  /** Looks at these too; those from before stay. */
  readonly add: (files: WatchedFiles) => void;
  /** The files that changed since the last call, absolute, sorted. */
  readonly take: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** `ignored`: folders that the runner itself writes. */
export function createFileWatcher(
  paths: readonly string[],
  ignored: readonly string[],
  onChange: () => void,
): FileWatcher {
  const watcher = watch([...paths], {
    ignoreInitial: true,
    ignored: (path) =>
      ignored.some((folder) => path === folder || path.startsWith(`${folder}${sep}`)) ||
      path.split(sep).some((name, index, names) => ignoredFolders.has(name) && !isAbove(names, index, paths)),
  });
  const known = new Set(paths);
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  watcher.on("all", (_event, path) => {
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(onChange, quietMs);
  });
  return {
    add({ sources, recipes, settings, data }) {
      const fresh = [...sources, ...recipes, settings, ...data].filter((path) => !known.has(path));
      for (const path of fresh) known.add(path);
      if (fresh.length > 0) watcher.add(fresh);
    },
    take() {
      const taken = [...changed].sort();
      changed.clear();
      return taken;
    },
    close() {
      clearTimeout(timer);
      return watcher.close();
    },
  };
}

/** A whole project may lie in a node_modules folder. */
const isAbove = (names: readonly string[], index: number, paths: readonly string[]): boolean =>
  paths.some((path) => path.startsWith(`${names.slice(0, index + 1).join(sep)}${sep}`));
