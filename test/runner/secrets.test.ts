import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Secrets } from "../../src/runner/secrets.ts";
import { Project } from "./project.ts";

const SECRET = "hf_zxcvbnmasdfgh";

test("a value is replaced by the name of its variable, wherever it stands", () => {
  const secrets = new Secrets({ HF_TOKEN: SECRET, PATH: "/usr/bin:/bin" });
  expect(secrets.redact({ line: `a ${SECRET} b ${SECRET}`, list: [1, null, { [SECRET]: true }] })).toEqual({
    line: "a [HF_TOKEN] b [HF_TOKEN]",
    list: [1, null, { "[HF_TOKEN]": true }],
  });
  expect(secrets.redactText("/usr/bin:/bin")).toBe("/usr/bin:/bin");
});

test("the longer of two secrets that begin alike is named, and URL-encoded ones are known", () => {
  const secrets = new Secrets({ A_PASSWORD: "abcdefgh", B_PASSWORD: "abcdefgh/+ijk" });
  expect(secrets.redactText("abcdefgh/+ijk abcdefgh%2F%2Bijk abcdefgh")).toBe(
    "[B_PASSWORD] [B_PASSWORD] [A_PASSWORD]",
  );
});

test("each line of a secret of several lines is one", () => {
  const secrets = new Secrets({ SIGNING_PRIVATE_KEY: "-----BEGIN-----\nMIIEvQIBADAN\n-----END-----" });
  expect(secrets.redactText("line: MIIEvQIBADAN")).toBe("line: [SIGNING_PRIVATE_KEY]");
});

test.each([
  "HF_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "OPENAI_API_KEY",
  "DB_PASSWORD",
  "npm_config__authToken",
  "CREDENTIALS",
])("%s is a secret", (name) => expect(new Secrets({ [name]: SECRET }).redactText(SECRET)).toBe(`[${name}]`));

test.each(["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "HF_TOKEN_PATH", "HOME"])("%s is no secret", (name) => {
  expect(new Secrets({ [name]: SECRET }).redactText(SECRET)).toBe(SECRET);
});

test("a short value is no secret: it occurs by chance", () => {
  expect(new Secrets({ HF_TOKEN: "off" }).redactText("turned off")).toBe("turned off");
});

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const env = { ...process.env, HF_TOKEN: SECRET };

/** Everything below the project's cache but compiled code, as bytes, with the names. */
function everythingKept(): string {
  const cache = join(project.root, "cache");
  return readdirSync(cache, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("compiled"))
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), "latin1")}`)
    .join("\n");
}

test("a secret that a stage prints, logs or puts into a summary reaches no event, no log and no record", async () => {
  project.edit(
    "stages/words.ts",
    'context.log("making " + number);',
    `const secret = process.env["HF_TOKEN"] ?? "";
     context.log("log " + secret); console.log("out " + secret); console.error("err " + secret);`,
  );
  project.edit(
    "stages/words.ts",
    "written({ number })",
    'written({ number, by: "me " + process.env["HF_TOKEN"] })',
  );
  const { events, stages } = await project.run(["words"], {}, { env });
  const lines = events.flatMap((event) => (event.type === "stage-log" ? event.line : []));
  expect(lines.sort()).toEqual(["err [HF_TOKEN]", "log [HF_TOKEN]", "out [HF_TOKEN]"]);
  expect(stages[0]?.outputs["words"]?.summary).toEqual({ number: 9, by: "me [HF_TOKEN]" });
  expect(JSON.stringify([events, stages])).not.toContain(SECRET);
  expect(everythingKept()).toContain("[HF_TOKEN]");
  expect(everythingKept()).not.toContain(SECRET);
});

test("a secret in an error reaches neither the summary nor the log", async () => {
  project.edit("stages/side.ts", "side failed on purpose", 'no entry with " + process.env["HF_TOKEN"] + "');
  const { events, stages } = await project.run(["side"], {}, { env, set: ["side.mode=throw"] });
  expect(stages[0]?.error?.message).toBe("no entry with [HF_TOKEN]");
  expect(JSON.stringify([events, stages])).not.toContain(SECRET);
  expect(everythingKept()).not.toContain(SECRET);
});

test("a secret in params or in a fact about the machine is refused before anything is planned", async () => {
  const refused = { code: "SECRET_IN_RECIPE", kind: "user" };
  const run = project.run(["report"], {}, { env, set: [`report.title=by ${SECRET}`] });
  await expect(run).rejects.toMatchObject({
    ...refused,
    message: "stage report, param title holds a secret of the environment: by [HF_TOKEN]",
  });
  process.env["TEST_ENGINE"] = SECRET;
  try {
    await expect(project.run(["side"], {}, { env })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining("stage side, environment fact engine") as string,
    });
  } finally {
    delete process.env["TEST_ENGINE"];
  }
  expect(project.executed()).toEqual([]);
  expect(everythingKept()).not.toContain(SECRET);
});

test("what prepare throws is free of secrets too", async () => {
  project.edit(
    "pipeline.ts",
    'defaultConfig: "configs/test.yaml" }',
    `defaultConfig: "configs/test.yaml", prepare: async () => { throw new Error("cannot log in as ${SECRET}"); } }`,
  );
  await expect(project.run(["side"], {}, { env })).rejects.toThrow("cannot log in as [HF_TOKEN]");
});
