/** Commands that let a trained model speak. */
import type { ChatOptions } from "../commands/chat.ts";
import type { GenerateOptions } from "../commands/generate.ts";
import { jsonOption, recipe, sampling } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addModelCommands({ command, context, finish }: CommandParts): void {
  sampling(recipe(command("generate <text>", "let the trained model continue a text")), 128)
    .addOption(jsonOption())
    .action(async (text: string, options: GenerateOptions) => {
      const { generateCommand } = await import("../commands/generate.ts");
      finish(await generateCommand(context, text, options));
    });
  sampling(recipe(command("chat", "talk to the trained model")), 256)
    .option("--system <text>", "what the model is told before the conversation")
    .addOption(jsonOption())
    .action(async (options: ChatOptions) => {
      const { chatCommand } = await import("../commands/chat.ts");
      finish(await chatCommand(context, options));
    });
}
