/**
 * SmolLM2's chat format (ChatML) as text, as token ids with a loss mask, and as the Jinja template that Hugging Face's
 * tokenizer_config.json carries. Source: the chat_template of alignment-handbook's recipes/smollm2/sft.
 */
import { userError } from "../errors.ts";
import type { Encoder } from "./encoder.ts";
import { TokenBuffer } from "./token-buffer.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatOptions {
  /** Ends with the header of an assistant turn, for the model to go on (default: no). */
  readonly addGenerationPrompt?: boolean;
  /** Goes before conversations that do not begin with a system message; null: nothing does. */
  readonly systemPrompt?: string | null;
}

export interface EncodedChat {
  readonly ids: Uint32Array;
  /** 1 on every token of an assistant turn's content and on its `<|im_end|>`, else 0. */
  readonly lossMask: Uint8Array;
  /** Where these stretches are, one for each assistant turn. */
  readonly answers: readonly (readonly [start: number, end: number])[];
}

export const defaultSystemPrompt = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
export const turnStart = "<|im_start|>";
export const turnEnd = "<|im_end|>";

/** The conversation as text. Throws CHAT_EMPTY for no messages. */
export function renderChat(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
  const turns = withSystemPrompt(messages, options).map(
    ({ role, content }) => `${turnStart}${role}\n${content}${turnEnd}\n`,
  );
  return turns.join("") + (options.addGenerationPrompt === true ? `${turnStart}assistant\n` : "");
}

/**
 * The ids of `renderChat`'s text, but that special tokens written inside of messages stay ordinary text. A token that
 * begins in the header and ends in the content (content that begins with a line break) is not supervised.
 * Throws CHAT_EMPTY for no messages, TOKEN_UNKNOWN for a tokenizer without the two special tokens.
 */
export function encodeChat(
  encoder: Encoder,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): EncodedChat {
  const startId = encoder.specialTokenId(turnStart);
  const endId = encoder.specialTokenId(turnEnd);
  const ids = new TokenBuffer();
  const answers: [start: number, end: number][] = [];
  for (const { role, content } of withSystemPrompt(messages, options)) {
    const header = `${role}\n`;
    ids.push(startId);
    const start = ids.length;
    encoder.encodeInto(header + content, ids);
    ids.push(endId);
    if (role === "assistant") {
      // Roles are ASCII: as many bytes as characters.
      answers.push([start + tokensThrough(encoder, ids, start, header.length), ids.length]);
    }
    encoder.encodeInto("\n", ids);
  }
  if (options.addGenerationPrompt === true) {
    ids.push(startId);
    encoder.encodeInto("assistant\n", ids);
  }
  const lossMask = new Uint8Array(ids.length);
  for (const [start, end] of answers) lossMask.fill(1, start, end);
  return { ids: ids.slice(), lossMask, answers };
}

/** How many tokens from `start` on it takes to cover so many bytes. */
function tokensThrough(encoder: Encoder, ids: TokenBuffer, start: number, bytes: number): number {
  let count = 0;
  for (let covered = 0; covered < bytes; count++) {
    covered += encoder.tokenByteCounts[ids.data[start + count] as number] as number;
  }
  return count;
}

function withSystemPrompt(
  messages: readonly ChatMessage[],
  { systemPrompt = defaultSystemPrompt }: ChatOptions,
): readonly ChatMessage[] {
  const [first] = messages;
  if (first === undefined) throw userError("CHAT_EMPTY", "A conversation needs at least one message.");
  if (first.role === "system" || systemPrompt === null) return messages;
  return [{ role: "system", content: systemPrompt }, ...messages];
}

/** The template as Jinja; renders the text of `renderChat` with the same system prompt. */
export function chatTemplateJinja(systemPrompt: string | null = defaultSystemPrompt): string {
  const system =
    systemPrompt === null
      ? ""
      : "{% if loop.first and messages[0]['role'] != 'system' %}" +
        `{{ '${turnStart}system\\n${escapeJinja(systemPrompt)}${turnEnd}\\n' }}{% endif %}`;
  return (
    `{% for message in messages %}${system}` +
    `{{'${turnStart}' + message['role'] + '\\n' + message['content'] + '${turnEnd}' + '\\n'}}{% endfor %}` +
    `{% if add_generation_prompt %}{{ '${turnStart}assistant\\n' }}{% endif %}`
  );
}

/** For a Jinja string in single quotes. */
function escapeJinja(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n");
}
