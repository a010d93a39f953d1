/** Token ids on disk: documents as they were encoded, and the mixed, split and shuffled shards made of them. */
import { openShards } from "../src/data/shards/open-shards.ts";
import { artifact } from "../src/pipeline/index.ts";

const tokens = <const Kind extends string>(kind: Kind) =>
  artifact({
    kind,
    formatVersion: 1,
    open: (directory) => openShards(directory),
    create: (directory) => Promise.resolve({ directory }),
    validate: async (directory) => {
      await (await openShards(directory)).close();
    },
  });

export const TokensArtifact = tokens("tokens");
export const ShardsArtifact = tokens("token-shards");
