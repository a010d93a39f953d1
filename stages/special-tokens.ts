/** The special tokens of our tokenizer and the chat format, named once. */
import { turnEnd, turnStart } from "../src/tokenizer/chat-template.ts";

/** Ends a document; also what base models start from. */
export const endOfText = "<|endoftext|>";

/** In the order of their ids, as in SmolLM2's tokenizer. */
export const specialTokens: readonly string[] = [endOfText, turnStart, turnEnd];

/** Goes before every conversation that has no system message of its own. */
export const systemPrompt = "You are a helpful AI assistant named MiniLM.";
