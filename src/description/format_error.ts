/** Which rule a model file breaks; docs/formats.md says them one by one. */
export type ModelFormatCode =
  | "network"
  | "state"
  | "state-version"
  | "other-format"
  | "file-too-short"
  | "header-too-long"
  | "header-outside-file"
  | "header-start"
  | "header-utf8"
  | "header-json"
  | "header-entry"
  | "metadata"
  | "duplicate-key"
  | "integer"
  | "dtype"
  | "name"
  | "name-too-long"
  | "rank-too-high"
  | "too-many-tensors"
  | "too-many-metadata"
  | "shape-overflow"
  | "offsets"
  | "size"
  | "hole"
  | "overlap"
  | "data-outside-file"
  | "trailing-bytes"
  | "too-large"
  | "not-finite"
  | "missing-tensor"
  | "unknown-tensor"
  | "shape"
  | "chain"
  | "ambiguous"
  | "network-note"
  | "varint"
  | "truncated"
  | "wire-type"
  | "utf8"
  | "model"
  | "too-many-nodes"
  | "too-many-values"
  | "external-data"
  | "data"
  | "opset"
  | "attribute"
  | "operator"
  | "graph"
  | "zip"
  | "zip-ratio"
  | "missing-file"
  | "json"
  | "config"
  | "topology"
  | "unsupported-layer"
  | "unsupported-setting"
  | "hdf5"
  | "manifest"
  | "quantization"
  | "shards"
  | "shard-short";

/** A model file breaks a rule. Nothing of it was returned. */
export class ModelFormatError extends Error {
  override name = "ModelFormatError";
  readonly code: ModelFormatCode;
  /** The tensor at fault, where there is one. */
  readonly tensor: string | undefined;
  /** The byte of the file at which the fault was found, where there is one. */
  readonly offset: number | undefined;

  constructor(code: ModelFormatCode, message: string, tensor?: string, offset?: number) {
    super(message);
    this.code = code;
    this.tensor = tensor;
    this.offset = offset;
  }
}
