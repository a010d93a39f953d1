/** Opens the project for one command and closes it whatever happens. */
import type { SessionOptions } from "../runner/session-types.ts";
import { note, type WithSession } from "./cli-context.ts";
import { configFile } from "./config-file.ts";

export const withSession: WithSession = async (context, { config, set }, work) => {
  const { host, workingDirectory, env } = context;
  const options: SessionOptions = {
    projectRoot: host.projectRoot,
    compiledDirectory: host.compiledDirectory,
    importPipeline: host.importPipeline,
    configFile:
      config === undefined
        ? undefined
        : configFile(config, { projectRoot: host.projectRoot, workingDirectory }),
    set,
    env,
  };
  // Not at the top: `--help` and `doctor` need no LMDB.
  const { openSession } = await import("../runner/session.ts");
  const session = await openSession(options);
  try {
    return await work(session);
  } finally {
    for (const { code, message } of session.takeNotices())
      note(context, `${context.errorPaint("yellow", "warning")} ${code}: ${message}`);
    await session.close();
  }
};
