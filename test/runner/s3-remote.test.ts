/** Push and pull through a server that speaks S3. */
import { createHash, randomBytes } from "node:crypto";
import { createServer, request, type Server } from "node:http";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bytesSource } from "../../src/store/exchange/remote-store.ts";
import { openRemote } from "../../src/store/exchange/open-remote.ts";
import { hasS3Server, s3Env, startS3Server, type S3Server } from "./s3-server.ts";
import { ALL_HITS, NOTHING, SharingUsers } from "./sharing-users.ts";

const withServer = test.skipIf(!hasS3Server);
if (!hasS3Server)
  test.skip("S3: needs Python with moto[server], found by MOTO_PYTHON or python3", () => undefined);

let users: SharingUsers;
let server: S3Server;
beforeAll(async () => {
  if (!hasS3Server) return;
  Object.assign(process.env, s3Env);
  users = new SharingUsers();
  server = await startS3Server();
  await users.prepare();
}, 120_000);
afterAll(async () => {
  if (!hasS3Server) return;
  await server.stop();
  users.remove();
});
afterEach(() => {
  if (hasS3Server) users.receiver.forget();
});

const signal = new AbortController().signal;
const settings = (endpoint: string) => `remote:\n  url: s3://nowhere\n  endpoint: ${endpoint}\n`;

/** Both know the endpoint by their settings; the address is given. */
function sharing(prefix: string, endpoint = server.endpoint) {
  for (const project of [users.sender, users.receiver]) project.write("settings.yaml", settings(endpoint));
  const remote = `s3://${server.bucket}/${prefix}`;
  const notices: string[] = [];
  const onNotice = (message: string): void => void notices.push(message);
  return {
    notices,
    push: () => users.sending(({ exchange }) => exchange.push([], { remote, onNotice })),
    pull: () => users.receiving(({ exchange }, trust) => exchange.pull([], { remote, trust, onNotice })),
  };
}

withServer("what one pushes to a bucket is a hit of the other after a pull", async () => {
  const { push, pull } = sharing("round/trip");
  expect(await push()).toMatchObject({ remote: "s3://shared/round/trip", files: 4 });
  expect(await push()).toMatchObject({ files: 0 });
  expect(await users.decisions()).toEqual(NOTHING);
  expect(await pull()).toMatchObject({ files: 4 });
  expect(await users.decisions()).toEqual(ALL_HITS);
  await users.receiving(async (session) => {
    const { execution } = await session.why("report");
    expect(execution?.origin).toMatchObject({ from: "s3://shared/round/trip" });
    expect(JSON.stringify(execution)).not.toContain(s3Env.AWS_SECRET_ACCESS_KEY);
  });
});

withServer("a file that is too large for one request goes in parts and comes back the same", async () => {
  const address = { url: `s3://${server.bucket}/large`, endpoint: server.endpoint };
  const remote = await openRemote(address, "/", "write");
  const bytes = randomBytes(40 * 1024 * 1024 + 1);
  await remote.put("blob", bytesSource(bytes), signal);
  expect(await remote.size("blob", signal)).toBe(bytes.byteLength);
  const hash = createHash("sha256");
  for await (const chunk of (await remote.get("blob", signal)) ?? []) hash.update(chunk);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(await remote.size("nothing", signal)).toBeUndefined();
  expect(await remote.get("nothing", signal)).toBeUndefined();
  await remote.close();
});

withServer("a large file whose sending breaks off is not there", async () => {
  const address = { url: `s3://${server.bucket}/broken`, endpoint: server.endpoint };
  const remote = await openRemote(address, "/", "write");
  const sizeBytes = 40 * 1024 * 1024;
  const read = (start: number, end: number) =>
    start === 0 ? Promise.resolve(new Uint8Array(end)) : Promise.reject(new Error("the disk is gone"));
  await expect(remote.put("blob", { sizeBytes, read }, signal)).rejects.toThrow("the disk is gone");
  expect(await remote.size("blob", signal)).toBeUndefined();
  await remote.close();
});

/** Stands before the server and answers every `every`th request with an error of its own. */
async function startUnreliable(
  every: number,
): Promise<{ readonly server: Server; readonly endpoint: string }> {
  let count = 0;
  const target = new URL(server.endpoint);
  const unreliable = createServer((incoming, outgoing) => {
    count += 1;
    if (count % every === 0) {
      incoming.resume();
      outgoing.writeHead(503).end();
      return;
    }
    const { method, url: path, headers } = incoming;
    const onward = request({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  unreliable.listen(0, "127.0.0.1");
  await once(unreliable, "listening");
  const address = unreliable.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server: unreliable, endpoint: `http://127.0.0.1:${address.port}` };
}

withServer(
  "a server that is busy now and then is asked again, and the user is told",
  async () => {
    const unreliable = await startUnreliable(3);
    const { push, pull, notices } = sharing("unreliable", unreliable.endpoint);
    expect(await push()).toMatchObject({ files: 4 });
    expect(await pull()).toMatchObject({ files: 4 });
    expect(await users.decisions()).toEqual(ALL_HITS);
    expect(notices.join("\n")).toContain("trying again");
    unreliable.server.closeAllConnections();
    unreliable.server.close();
  },
  120_000,
);

withServer("a bucket that is not there is told so, and is not asked again", async () => {
  const notices: string[] = [];
  users.sender.write("settings.yaml", settings(server.endpoint));
  const pushed = users.sending(({ exchange }) =>
    exchange.push([], { remote: "s3://no-such-bucket", onNotice: (message) => void notices.push(message) }),
  );
  await expect(pushed).rejects.toMatchObject({ code: "REMOTE_NOT_FOUND" });
  expect(notices).toEqual([]);
});

withServer(
  "a server that does not answer is told so in the end, as no bug",
  async () => {
    const gone = await startUnreliable(1);
    gone.server.close();
    const { push, notices } = sharing("gone", gone.endpoint);
    await expect(push()).rejects.toMatchObject({ code: "REMOTE_FAILED", kind: "failure" });
    expect(notices[0]).toContain("ECONNREFUSED");
  },
  120_000,
);
