/** Which documents are left out, the same for every source; part of the recipe's identity. */
import { z } from "zod";
import { decontaminationParams } from "./decontamination.ts";
import { flaggedParams } from "./flagged-terms.ts";
import { nearDuplicateParams } from "./near-duplicates.ts";
import { repetitionParams } from "./repetition.ts";

const share = z.number().min(0).max(1);
const characters = z.int().nonnegative();

export const filterParams = z
  .strictObject({
    minCharacters: characters.optional().describe("Shorter documents are left out."),
    maxCharacters: characters.optional().describe("Longer documents are left out."),
    minLanguageShare: z
      .strictObject({ en: share.optional(), zh: share.optional() })
      .optional()
      .describe("Least share of letters in the language's script: Latin for en, Han for zh."),
    maxUrlShare: share.optional().describe("Largest share of characters in web addresses."),
    flagged: flaggedParams.optional(),
    repetition: repetitionParams.optional(),
    decontamination: decontaminationParams.optional(),
    nearDuplicates: nearDuplicateParams.optional(),
  })
  .describe(
    "Documents to leave out, in this order; without a key its filter is off. Equal texts always are.",
  );

export type FilterParams = z.infer<typeof filterParams>;
