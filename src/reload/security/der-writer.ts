import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

/** An ASN.1 value on its way to DER. */
export type Der = forge.asn1.Asn1;

export { Type };

/** RFC 5280 §4.1.2.5: UTCTime through 2049. */
export function time(ms: number): Der {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** DER integers are signed and minimal: no leading zero but to keep the sign. */
export function positiveInteger(bytes: Uint8Array): string {
  const significant = bytes.subarray(
    Math.max(
      0,
      bytes.findIndex((byte) => byte !== 0),
    ),
  );
  const text = binary(significant.length === 0 ? new Uint8Array(1) : significant);
  return text.charCodeAt(0) >= 0x80 ? `\0${text}` : text;
}

export function sequence(...values: Der[]): Der {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, values);
}

export function set(value: Der): Der {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [value]);
}

export function primitive(type: forge.asn1.Type, value: string): Der {
  return asn1.create(Class.UNIVERSAL, type, false, value);
}

export function oid(dotted: string): Der {
  return primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
}

export function context(tag: number, values: Der[]): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, values);
}

export function generalName(tag: number, value: string): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, value);
}

// forge keeps bytes as strings of one character each.
export function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function parseDer(bytes: Uint8Array): Der {
  return asn1.fromDer(binary(bytes));
}

export function toBytes(value: Der): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}
