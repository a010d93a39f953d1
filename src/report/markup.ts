/** Text inside XML, HTML and Markdown: what has a meaning there is escaped. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * For text nodes and quoted attributes of XML 1.0 and HTML. Control characters that XML 1.0 forbids (§2.2,
 * Char), which a young model does emit, become U+FFFD.
 */
export function escapeMarkup(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
}

/** A cell of a Markdown table (GitHub Flavored Markdown §4.10): one line, its bars escaped. */
export function escapeTableCell(text: string): string {
  return text.replace(/\r\n|\r|\n/g, " ").replace(/\|/g, "\\|");
}

/**
 * A fenced code block that `text` cannot close: the fence is longer than any run of backticks in it
 * (CommonMark §4.5).
 */
export function fencedBlock(text: string, language = "text"): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** Columns of figures are aligned right. */
export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
}

export function markdownTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeTableCell).join(" | ")} |`;
  const rule = columns.map(({ align }) => (align === "right" ? "---:" : "---"));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join("\n");
}
