/** The process of a replica: see serve-replica.ts. */
import { serveReplica } from "./serve-replica.ts";

serveReplica();
