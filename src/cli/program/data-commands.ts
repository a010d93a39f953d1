/** Commands about where data comes from. */
import type { PeekCommandOptions } from "../commands/peek.ts";
import type { CommandParts } from "./command-parts.ts";
import { atLeast, jsonOption } from "./options.ts";

export function addDataCommands({ command, context, finish }: CommandParts): void {
  command("peek <source>", "what a dataset or file holds: columns, types and first rows, without the rest")
    .option("--limit <n>", "how many rows to show", atLeast(0), 3)
    .option("--file <path>", "which file of it, by the beginning of its path (default: the first with data)")
    .addOption(jsonOption())
    .addHelpText("after", PEEK_HELP)
    .action(async (source: string, options: PeekCommandOptions) => {
      const { peekCommand } = await import("../commands/peek.ts");
      finish(await peekCommand(context, source, options));
    });
}

const PEEK_HELP = `
A source is one of:
  hf:OWNER/NAME[@REVISION]          a dataset on the Hugging Face Hub (HF_TOKEN or \`hf auth login\` for gated ones)
  modelscope:OWNER/NAME[@REVISION]  a dataset on ModelScope (MODELSCOPE_API_TOKEN for private ones)
  npm:PACKAGE[@VERSION]             the files of an npm package
  https://HOST/FILE                 a file on a web server
  PATH                              a file or folder here
Files are .parquet, .jsonl, .ndjson, .txt or .md, the last four also as .gz or .zst.`;
