/** RFC 6940 §7.2. */
export type DataModel = 'SINGLE' | 'ARRAY' | 'DICTIONARY';

/** RFC 6940 §7.3. */
export type AccessControl = 'USER-MATCH' | 'NODE-MATCH' | 'USER-NODE-MATCH' | 'NODE-MULTIPLE';

/** A Kind as the configuration document or the built-in document declares it (RFC 6940 §11.1). */
export interface KindDefinition {
  readonly id: number;
  readonly name: string;
  readonly dataModel: DataModel;
  readonly accessControl: AccessControl;
  /** Most elements under one Resource-ID. */
  readonly maxCount: number;
  /** Most bytes of one element's value. */
  readonly maxSize: number;
  /** NODE-MULTIPLE only: the largest i. */
  readonly maxNodeMultiple?: number;
  /** Whether a user may have it at all (RFC 7904 §3.4); left out: everybody. */
  readonly admits?: (userName: string) => boolean;
}

/** The Kinds of one overlay by Kind-ID; an explicit argument of decoding, since the wire does not carry the data model. */
export type KindTable = ReadonlyMap<number, KindDefinition>;

/** For structures that hold no stored data. */
export const noKinds: KindTable = new Map();
