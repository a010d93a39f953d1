/**
 * A bucket of S3, or of a service that speaks like it, as a remote. Credentials come from the SDK's usual chain
 * (environment, ~/.aws, roles) and go nowhere else. An object appears when its last part is there.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import { PipelineError } from "../../errors.ts";
import type { RemoteSource, RemoteStore } from "./remote-store.ts";

/** One request holds no more in memory; S3 takes parts from 5 MiB up, and 10,000 of them. */
const PART_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 10_000;

export interface S3RemoteOptions {
  readonly bucket: string;
  /** Without slashes around it; may be empty. */
  readonly prefix: string;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

export class S3Remote implements RemoteStore {
  readonly url: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ bucket, prefix, endpoint, region }: S3RemoteOptions) {
    this.url = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#client = new S3Client({
      // Retried by the caller, who says so.
      maxAttempts: 1,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      ...(region === undefined ? {} : { region }),
      // Other services do not know these checksums; what is fetched is verified by its sha256 anyway.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }

  async size(key: string, abortSignal: AbortSignal): Promise<number | undefined> {
    const command = new HeadObjectCommand(this.#place(key));
    const head = await this.#orNothing(this.#client.send(command, { abortSignal }));
    return head && (head.ContentLength ?? 0);
  }

  async get(key: string, abortSignal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const command = new GetObjectCommand(this.#place(key));
    const answer = await this.#orNothing(this.#client.send(command, { abortSignal }));
    if (answer === undefined) return undefined;
    if (answer.Body instanceof Readable) return answer.Body as AsyncIterable<Uint8Array>;
    throw new Error(`${this.url} answered ${key} without a stream`);
  }

  async put(key: string, source: RemoteSource, abortSignal: AbortSignal): Promise<void> {
    if (source.sizeBytes > PART_BYTES) return this.#putParts(key, source, abortSignal);
    const Body = await source.read(0, source.sizeBytes);
    const command = new PutObjectCommand({ ...this.#place(key), Body, ContentLength: source.sizeBytes });
    await this.#explained(this.#client.send(command, { abortSignal }));
  }

  isTransient(error: unknown): boolean {
    const cause = error instanceof PipelineError ? error.cause : error;
    if (!(cause instanceof Error)) return false;
    if (cause instanceof S3ServiceException) {
      const status = cause.$metadata.httpStatusCode ?? 0;
      return status >= 500 || status === 429 || cause.$retryable !== undefined;
    }
    const code = "code" in cause ? String(cause.code) : "";
    return (
      cause.name === "TimeoutError" ||
      [
        "ECONNREFUSED",
        "ECONNRESET",
        "EPIPE",
        "ETIMEDOUT",
        "EAI_AGAIN",
        "ERR_STREAM_PREMATURE_CLOSE",
      ].includes(code)
    );
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #putParts(key: string, source: RemoteSource, abortSignal: AbortSignal): Promise<void> {
    const place = this.#place(key);
    const { UploadId } = await this.#explained(
      this.#client.send(new CreateMultipartUploadCommand(place), { abortSignal }),
    );
    const partBytes = Math.max(PART_BYTES, Math.ceil(source.sizeBytes / MAX_PARTS));
    const parts: CompletedPart[] = [];
    try {
      for (let at = 0; at < source.sizeBytes; at += partBytes) {
        const Body = await source.read(at, Math.min(at + partBytes, source.sizeBytes));
        const PartNumber = parts.length + 1;
        const command = new UploadPartCommand({ ...place, UploadId, PartNumber, Body });
        const { ETag } = await this.#explained(this.#client.send(command, { abortSignal }));
        parts.push({ PartNumber, ETag });
      }
      const command = new CompleteMultipartUploadCommand({
        ...place,
        UploadId,
        MultipartUpload: { Parts: parts },
      });
      await this.#explained(this.#client.send(command, { abortSignal }));
    } catch (error) {
      // The parts cost money until they are given up; where even that fails, the first error is the one to tell.
      await this.#client.send(new AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => undefined);
      throw error;
    }
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix === "" ? key : `${this.#prefix}/${key}` };
  }

  async #orNothing<Answer>(request: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await request;
    } catch (error) {
      const isAbsent =
        error instanceof S3ServiceException &&
        error.$metadata.httpStatusCode === 404 &&
        error.name !== "NoSuchBucket";
      if (isAbsent) return undefined;
      throw this.#explain(error);
    }
  }

  async #explained<Answer>(request: Promise<Answer>): Promise<Answer> {
    try {
      return await request;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** With the service's own words where they tell something; the SDK puts no credentials into them. */
  #explain(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const failure = (code: string, hint: string) =>
      new PipelineError({ code, message: `${this.url}: ${error.message}`, hint, cause: error });
    if (error.name === "CredentialsProviderError")
      return failure(
        "REMOTE_CREDENTIALS",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; the AWS documentation lists other ways",
      );
    if (/region is missing/i.test(error.message))
      return failure("REMOTE_REGION", "set remote.region in settings.yaml, or AWS_REGION");
    if (!(error instanceof S3ServiceException)) return error;
    const status = error.$metadata.httpStatusCode;
    if (error.name === "NoSuchBucket")
      return failure("REMOTE_NOT_FOUND", "make the bucket, or name another with --remote");
    if (status === 401 || status === 403)
      return failure("REMOTE_DENIED", "these credentials may not do that there: ask the owner of the bucket");
    return failure("REMOTE_FAILED", "try again; what was complete stays");
  }
}
