/** The entities that package indexes write in addresses and names. */
const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#x27": "'",
  "#39": "'",
};

export const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(#?\w+);/gu, (whole, name: string) => entities[name] ?? whole);
