/** A process that writes forty records, large enough for the journal to be begun anew more than once. */
import { IndexDatabase } from "../../src/store/index-database.ts";

const [path = "", name = ""] = process.argv.slice(2);
const index = new IndexDatabase(path);
for (let count = 0; count < 40; count++)
  index.transaction((put) => {
    put(["execution", `${name}-${count}`], { text: "x".repeat(5000) });
    put(["latest", name], `${name}-${count}`);
  });
await index.close();
