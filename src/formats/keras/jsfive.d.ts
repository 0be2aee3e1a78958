// The part of jsfive 0.4.2 that is used here; it brings no types. What begins with _ is not meant for users: the walk
// through a file needs it, to look before jsfive leaps.
declare module "jsfive" {
  /** An object's header: messages by type, each a map of numbers. */
  export interface DataObjects {
    readonly is_dataset: boolean;
    readonly shape: number[];
    /** Of a chunk; undefined where the data are contiguous. */
    readonly chunks: number[] | null;
    readonly filter_pipeline: readonly ReadonlyMap<string, unknown>[] | null;
    find_msg_type(type: number): readonly ReadonlyMap<string, unknown>[];
    /** Version, rank, class of the layout (0 compact, 1 contiguous, 2 chunked), and where its properties stand. */
    _get_data_message_properties(offset: number): [number, number | undefined, number, number];
    /** Numbers in C order; a hole where a chunk is missing. */
    get_data(): number[];
  }

  export class Group {
    readonly _dataobjects: DataObjects;
    /** Address of an object's header by name; a string where the link is a soft one. */
    readonly _links: Readonly<Record<string, number | string>>;
    get(name: string): Group | Dataset;
  }

  export class Dataset {
    readonly _dataobjects: DataObjects;
  }

  export class File extends Group {
    constructor(file: ArrayBuffer, name: string);
  }

  /** By HDF5's number of the filter: what undoes it. */
  export const Filters: Map<number, (chunk: ArrayBuffer, itemSize: number) => ArrayBuffer>;
}
