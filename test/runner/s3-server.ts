/**
 * A real server that speaks S3: moto, which Python brings (`pip install 'moto[server]'`). Found by the environment
 * variable MOTO_PYTHON, the Python that has it, or by `python3`. Not a test.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

const python = process.env["MOTO_PYTHON"] ?? "python3";

export const hasS3Server = spawnSync(python, ["-c", "import moto.server"], { stdio: "ignore" }).status === 0;

/** What an S3 client needs besides the endpoint. */
export const s3Env = {
  AWS_ACCESS_KEY_ID: "an-access-key",
  AWS_SECRET_ACCESS_KEY: "a-secret-that-is-nowhere-else",
  AWS_REGION: "us-east-1",
};

export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  stop(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const arguments_ = ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)];
  const child = spawn(python, arguments_, { stdio: "ignore" });
  const bucket = "shared";
  const client = new S3Client({
    endpoint,
    forcePathStyle: true,
    region: s3Env.AWS_REGION,
    credentials: { accessKeyId: s3Env.AWS_ACCESS_KEY_ID, secretAccessKey: s3Env.AWS_SECRET_ACCESS_KEY },
    // It takes a while to listen.
    maxAttempts: 60,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return {
    endpoint,
    bucket,
    async stop() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
