/**
 * Writes a graph as a SavedModel (tensorflow/core/protobuf/saved_model.proto): a folder with one
 * saved_model.pb. It has no signatures and no checkpoint: functions are run by node names, and variables
 * are filled through the graph itself.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import type { Shape } from "../../tensor/types.ts";
import {
  loadProtobuf,
  type AttributeMessage,
  type NodeMessage,
  type ShapeMessage,
  type TensorflowProtobuf,
} from "./protobuf.ts";
import type { TfAttribute, TfDType, TfGraph, TfNode } from "./tf-graph.ts";

/** The tag by which the session finds the graph. */
export const SERVING_TAG = "serve";

/** tensorflow/core/framework/types.proto; the classes that the package ships lack the newer names. */
const DTYPE_NUMBER: Readonly<Record<TfDType, number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  bool: 10,
  bfloat16: 14,
  resource: 20,
};

/** Graph version of TensorFlow 2.9 (tensorflow/core/public/version.h), which every later one reads. */
const GRAPH_PRODUCER = 1087;
const GRAPH_MIN_CONSUMER = 12;

/** Protobuf messages cannot be larger than 2³¹ bytes; the rest of the graph gets the difference. */
const MAX_CONSTANT_BYTES = 1.9e9;

/** Throws `PROGRAM_TOO_LARGE` where the constants do not fit into one protobuf message. */
export async function writeSavedModel(graph: TfGraph, folder: string): Promise<void> {
  const constantBytes = graph.nodes.reduce((total, node) => total + contentBytes(node), 0);
  if (constantBytes > MAX_CONSTANT_BYTES)
    throw new PipelineError({
      code: "PROGRAM_TOO_LARGE",
      message: `the program has ${Math.round(constantBytes / 1e6)} MB of constants, TensorFlow takes ${MAX_CONSTANT_BYTES / 1e6}`,
      hint: "hold large tables in variables",
    });
  await writeFile(join(folder, "saved_model.pb"), encodeSavedModel(graph, loadProtobuf()));
}

function contentBytes({ attributes }: TfNode): number {
  const value = attributes["value"];
  return value !== undefined && "tensor" in value ? value.tensor.content.byteLength : 0;
}

function encodeSavedModel(graph: TfGraph, protobuf: TensorflowProtobuf): Uint8Array {
  const versions = new protobuf.VersionDef();
  versions.setProducer(GRAPH_PRODUCER);
  versions.setMinConsumer(GRAPH_MIN_CONSUMER);
  const graphMessage = new protobuf.GraphDef();
  graphMessage.setVersions(versions);
  for (const node of graph.nodes) graphMessage.addNode(encodeNode(node, protobuf));
  const info = new protobuf.MetaGraphDef.MetaInfoDef();
  info.addTags(SERVING_TAG);
  const metaGraph = new protobuf.MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graphMessage);
  const savedModel = new protobuf.SavedModel();
  savedModel.setSavedModelSchemaVersion(1);
  savedModel.addMetaGraphs(metaGraph);
  return savedModel.serializeBinary();
}

function encodeNode(node: TfNode, protobuf: TensorflowProtobuf): NodeMessage {
  const message = new protobuf.NodeDef();
  message.setName(node.name);
  message.setOp(node.op);
  message.setInputList([...node.inputs, ...node.control.map((name) => `^${name}`)]);
  for (const [name, attribute] of Object.entries(node.attributes))
    message.getAttrMap().set(name, encodeAttribute(attribute, protobuf));
  return message;
}

function encodeAttribute(attribute: TfAttribute, protobuf: TensorflowProtobuf): AttributeMessage {
  const message = new protobuf.AttrValue();
  if ("type" in attribute) message.setType(DTYPE_NUMBER[attribute.type]);
  else if ("bool" in attribute) message.setB(attribute.bool);
  else if ("int" in attribute) message.setI(attribute.int);
  else if ("string" in attribute) message.setS(new TextEncoder().encode(attribute.string));
  else if ("shape" in attribute) message.setShape(encodeShape(attribute.shape, protobuf));
  else {
    const tensor = new protobuf.Tensor();
    tensor.setDtype(DTYPE_NUMBER[attribute.tensor.dtype]);
    tensor.setTensorShape(encodeShape(attribute.tensor.shape, protobuf));
    tensor.setTensorContent(attribute.tensor.content);
    message.setTensor(tensor);
  }
  return message;
}

function encodeShape(shape: Shape, protobuf: TensorflowProtobuf): ShapeMessage {
  const message = new protobuf.TensorShape();
  for (const size of shape) {
    const dim = new protobuf.TensorShape.Dim();
    dim.setSize(size);
    message.addDim(dim);
  }
  return message;
}
