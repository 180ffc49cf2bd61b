import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { Random } from '../../base/index.ts';

/** What a temporary GRUU stands for. */
export interface TemporaryGruu {
  readonly aor: string;
  /** See `Binding.gruuSeries`. */
  readonly series: number;
}

const PREFIX = 'tgruu.';
const NODE_BYTES = 16;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const HEAD_BYTES = NODE_BYTES + SALT_BYTES;
const SERIES_BYTES = 6;
/** Most AoRs fill one block, so that the length of a GRUU tells little about whose it is. */
const BLOCK_BYTES = 48;
/** Each key serves one GRUU. */
const NONCE = Buffer.alloc(12);

/**
 * User parts of temporary GRUUs (RFC 5627 §3.1.2): `tgruu.` and, in base64url, our Node-ID, a salt, and sealed the AoR and
 * its series. Every peer reads the Node-ID and knows where to send the request; only we read whose phone it is.
 * Nothing is kept of a GRUU: the binding's series tells whether it still holds (§A.2 keeps a number for each phone).
 * The salt makes the key, so that any number of them can be random without one being used twice.
 */
export class TemporaryGruus {
  readonly #random: Random;
  readonly #key: Buffer;
  readonly #nodeId: Buffer;

  /** @param options.key kept in `data/`: GRUUs given before a restart hold after it */
  constructor(deps: { random: Random }, options: { key: Uint8Array; nodeHex: string }) {
    this.#random = deps.random;
    this.#key = createHmac('sha256', options.key).update('temporary GRUU').digest();
    this.#nodeId = Buffer.from(options.nodeHex, 'hex');
  }

  /** Another one for a phone, unlike all others. */
  make({ aor, series }: TemporaryGruu): string {
    const text = Buffer.from(aor, 'latin1');
    const length = SERIES_BYTES + 2 + text.length;
    const plain = Buffer.alloc(Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES);
    plain.writeUIntBE(series, 0, SERIES_BYTES);
    plain.writeUInt16BE(text.length, SERIES_BYTES);
    text.copy(plain, SERIES_BYTES + 2);
    const head = Buffer.concat([this.#nodeId, this.#random.bytes(SALT_BYTES)]);
    const cipher = createCipheriv('aes-256-gcm', this.#keyFor(head), NONCE);
    const sealed = Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return PREFIX + sealed.toString('base64url');
  }

  /** The Node-ID in hex of the peer that gave a user part; undefined when it is of no temporary GRUU. */
  static nodeOf(user: string): string | undefined {
    return bytesOf(user)?.toString('hex', 0, NODE_BYTES);
  }

  /** What a user part stands for, if we gave it. */
  open(user: string): TemporaryGruu | undefined {
    const bytes = bytesOf(user);
    if (bytes === undefined || !bytes.subarray(0, NODE_BYTES).equals(this.#nodeId)) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#keyFor(bytes.subarray(0, HEAD_BYTES)), NONCE);
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    const start = SERIES_BYTES + 2;
    const aor = plain.toString('latin1', start, start + plain.readUInt16BE(SERIES_BYTES));
    return { aor, series: plain.readUIntBE(0, SERIES_BYTES) };
  }

  #keyFor(head: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(head).digest();
  }
}

function bytesOf(user: string): Buffer | undefined {
  if (!user.startsWith(PREFIX)) return undefined;
  const bytes = Buffer.from(user.slice(PREFIX.length), 'base64url');
  const sealed = bytes.length - HEAD_BYTES - TAG_BYTES;
  return sealed >= BLOCK_BYTES && sealed % BLOCK_BYTES === 0 ? bytes : undefined;
}
