import { defineConfig } from "vitest/config";

import { inlineWorkers } from "./src/runner/inline-workers.js";

export default defineConfig({
  plugins: [
    {
      name: "inline-workers",
      enforce: "pre",
      transform: (text, path) =>
        text.includes("-worker.ts") && path.endsWith(".ts") ? inlineWorkers(text, path) : undefined,
    },
  ],
  test: {
    include: ["test/**/*.test.ts"],
    // Native TensorFlow and LMDB live in the process: forks, never worker threads.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
