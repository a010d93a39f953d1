/** Countries: capital, continent and currency in English and in Chinese, as facts; no running text. Two packages. */
import { z } from "zod";
import { readText, type Source } from "../sources/source.ts";
import type { Corpus, CorpusContext, CorpusItem } from "./corpus.ts";
import type { Fact } from "./fact.ts";

const countrySchema = z.record(
  z.string(),
  z.object({ name: z.string(), continent: z.string(), capital: z.string(), currency: z.array(z.string()) }),
);
const namesSchema = z.object({ countries: z.record(z.string(), z.union([z.string(), z.array(z.string())])) });

const CONTINENTS: Readonly<Record<string, { readonly en: string; readonly zh: string }>> = {
  AF: { en: "Africa", zh: "非洲" },
  AN: { en: "Antarctica", zh: "南极洲" },
  AS: { en: "Asia", zh: "亚洲" },
  EU: { en: "Europe", zh: "欧洲" },
  NA: { en: "North America", zh: "北美洲" },
  OC: { en: "Oceania", zh: "大洋洲" },
  SA: { en: "South America", zh: "南美洲" },
};

/** Chinese names by two-letter code; read before `countries`. */
export const countryNames = {
  package: "i18n-iso-countries",
  version: "7.14.0",
  bytes: 170_766,
  integrity:
    "sha512-nXHJZYtNrfsi1UQbyRqm3Gou431elgLjKl//CYlnBGt5aTWdRPH1PiS2T/p/n8Q8LnqYqzQJik3Q7mkwvLokeg==",
  licence: "MIT",
} as const;

export async function readCountryNames(source: Source): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for await (const file of source.files((path) => path === "langs/zh.json")) {
    const { countries: byCode } = namesSchema.parse(JSON.parse(await readText(file)));
    for (const [code, name] of Object.entries(byCode)) {
      const first = typeof name === "string" ? name : name[0];
      if (first !== undefined) names.set(code, first);
    }
  }
  return names;
}

export function countries(chineseNames: ReadonlyMap<string, string>): Corpus {
  return {
    tarball: {
      package: "countries-list",
      version: "3.4.1",
      bytes: 109_007,
      integrity:
        "sha512-sKLGAZD5EAdzQwQ19vOp/9u33MTjmZ0CkdXPYtp/An6cyIlJ/E8TwGf2FcPe1AnzHO+h7nbTfoHyXIi58Hpa+Q==",
      licence: "MIT",
    },
    async *read(source, context) {
      const files = new Map<string, unknown>();
      const wanted = ["countries.min.json", "currencies.min.json"];
      for await (const file of source.files((path) => wanted.includes(path))) {
        files.set(file.path, JSON.parse(await readText(file)));
      }
      const currencies = z
        .record(z.string(), z.object({ name: z.string() }))
        .parse(files.get("currencies.min.json"));
      const byCode = countrySchema.parse(files.get("countries.min.json"));
      for (const [code, country] of Object.entries(byCode)) {
        const currency = currencies[country.currency[0] ?? ""]?.name;
        yield* factsOf(country, chineseNames.get(code), currency, source.name, context);
      }
    },
  };
}

function* factsOf(
  country: { readonly name: string; readonly continent: string; readonly capital: string },
  chinese: string | undefined,
  currency: string | undefined,
  source: string,
  { dictionary }: CorpusContext,
): Generator<CorpusItem> {
  const { name, capital } = country;
  const keys: readonly [string, ...string[]] = chinese === undefined ? [name] : [name, chinese];
  const group = country.continent;
  const english = { keys, subject: name, group, language: "en", source } as const;
  const facts: Fact[] = [];
  const chineseCapital = dictionary.capitals.get(capital);
  if (capital !== "") {
    const other = chineseCapital === undefined ? {} : { otherLanguage: chineseCapital };
    facts.push({ ...english, relation: "capital", answer: capital, ...other });
  }
  const continent = CONTINENTS[country.continent];
  if (continent) {
    facts.push({ ...english, relation: "continent", answer: continent.en, otherLanguage: continent.zh });
  }
  if (currency !== undefined) facts.push({ ...english, relation: "currency", answer: currency });
  if (chinese !== undefined) {
    const inChinese = { keys: [name, chinese], group, language: "zh", source } as const;
    facts.push({
      ...inChinese,
      relation: "country-name-zh",
      subject: name,
      answer: chinese,
      otherLanguage: name,
    });
    if (continent) {
      facts.push({
        ...inChinese,
        relation: "continent-zh",
        subject: chinese,
        answer: continent.zh,
        otherLanguage: continent.en,
      });
    }
    if (chineseCapital !== undefined) {
      facts.push({
        ...inChinese,
        relation: "capital-zh",
        subject: chinese,
        answer: chineseCapital,
        otherLanguage: capital,
      });
    }
  }
  for (const fact of facts) yield { fact };
}
