/** Commands about this machine and the engine on it. */
import type { DoctorOptions } from "../commands/doctor.ts";
import { jsonOption, type JsonOption } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addMachineCommands({ command, context, finish }: CommandParts): void {
  const engine = command("engine", "the library that computes: native TensorFlow, or WebAssembly");
  engine
    .command("install")
    .description("install native TensorFlow for this user, by the first way that works here")
    .addOption(jsonOption())
    .action(async (options: JsonOption) => {
      const { engineInstallCommand } = await import("../commands/engine.ts");
      finish(await engineInstallCommand(context, options));
    });
  engine
    .command("list")
    .description("what is installed, and which engine is used and why")
    .addOption(jsonOption())
    .action(async (options: JsonOption) => {
      const { engineListCommand } = await import("../commands/engine.ts");
      finish(await engineListCommand(context, options));
    });
  engine
    .command("remove")
    .description("remove every engine that `install` made")
    .action(async () => {
      const { engineRemoveCommand } = await import("../commands/engine.ts");
      finish(await engineRemoveCommand(context));
    });

  command("doctor", "look at this machine and this project, and say what is missing")
    .option("--network", "also ask whether the npm registry can be reached")
    .addOption(jsonOption())
    .action(async (options: DoctorOptions) => {
      const { doctorCommand } = await import("../commands/doctor.ts");
      finish(await doctorCommand(context, options));
    });
}
