/**
 * The protobuf classes that tfjs-node-gpu ships (dist/proto/api_pb.js, which has no types), as far as
 * saved-model.ts uses them. Loading them loads no native code.
 */
import { createRequire } from "node:module";

interface Message {
  serializeBinary(): Uint8Array;
}

export interface DimMessage extends Message {
  setSize(size: number): void;
}

export interface ShapeMessage extends Message {
  addDim(dim: DimMessage): void;
}

export interface TensorMessage extends Message {
  setDtype(dtype: number): void;
  setTensorShape(shape: ShapeMessage): void;
  setTensorContent(content: Uint8Array): void;
}

export interface AttributeMessage extends Message {
  setType(dtype: number): void;
  setB(value: boolean): void;
  setI(value: number): void;
  setS(value: Uint8Array): void;
  setShape(shape: ShapeMessage): void;
  setTensor(tensor: TensorMessage): void;
}

export interface NodeMessage extends Message {
  setName(name: string): void;
  setOp(op: string): void;
  setInputList(inputs: string[]): void;
  getAttrMap(): { set(name: string, value: AttributeMessage): void };
}

export interface VersionMessage extends Message {
  setProducer(version: number): void;
  setMinConsumer(version: number): void;
}

export interface GraphMessage extends Message {
  addNode(node: NodeMessage): void;
  setVersions(versions: VersionMessage): void;
}

export interface MetaInfoMessage extends Message {
  addTags(tag: string): void;
}

export interface MetaGraphMessage extends Message {
  setMetaInfoDef(info: MetaInfoMessage): void;
  setGraphDef(graph: GraphMessage): void;
}

export interface SavedModelMessage extends Message {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(graph: MetaGraphMessage): void;
}

export interface TensorflowProtobuf {
  readonly SavedModel: new () => SavedModelMessage;
  readonly MetaGraphDef: (new () => MetaGraphMessage) & { readonly MetaInfoDef: new () => MetaInfoMessage };
  readonly GraphDef: new () => GraphMessage;
  readonly NodeDef: new () => NodeMessage;
  readonly AttrValue: new () => AttributeMessage;
  readonly Tensor: new () => TensorMessage;
  readonly TensorShape: (new () => ShapeMessage) & { readonly Dim: new () => DimMessage };
  readonly VersionDef: new () => VersionMessage;
}

export const loadProtobuf = (): TensorflowProtobuf =>
  createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js") as TensorflowProtobuf;
