import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './process.ts';

// RELOAD messages judged by a program we did not write: Wireshark's dissector. It checks neither signatures nor, of a
// message, bytes that follow its last field; the latter is checked here.

const RELO_TOKEN = 0xd2454c4f;
const DATA_FRAME = 0x80;
const ACK_FRAME = 0x81;
/** Expert severities from `note` on (PI_NOTE; warn and error are larger). */
const PI_NOTE = 0x400000;

/** Dictionary or single kinds the dissector cannot know: [id, name, data model]. */
const PRIVATE_KINDS = [[0xf0000010, 'SIP-PEER-ADDRESS', 'SINGLE']] as const;

/** Faults of the dissector itself (Wireshark 4.0), seen with other implementations' frames as well. */
const DISSECTOR_FAULTS = [
  /^Unknown identity type/i, // none(3), which RFC 6940 §7.1 uses in synthetic nonexistent values
  /^Unknown error/i, // Error_Unknown_Extension (20)
];

/**
 * One verdict a line, in order: `ok …` or `BAD reason`. A line is the hex of a message, with or without the framing of
 * RFC 6940 §6.6.2; what follows a `#` or stands before the last blank is ignored.
 */
export async function checkFrames(lines: readonly string[]): Promise<string[]> {
  const verdicts: string[] = new Array(lines.length);
  const messages: { index: number; bytes: Buffer }[] = [];
  for (const [index, line] of lines.entries()) {
    const hex = (line.split('#')[0] ?? '').trim().split(/\s+/).at(-1) ?? '';
    const frame = Buffer.from(hex, 'hex');
    if (frame.length === 0 || frame.length * 2 !== hex.length) verdicts[index] = 'BAD hex';
    else if (frame[0] === ACK_FRAME) verdicts[index] = frame.length === 9 ? 'ok ack' : 'BAD ack length';
    else if (frame[0] === DATA_FRAME && frame.readUIntBE(5, 3) !== frame.length - 8) {
      verdicts[index] = 'BAD frame length';
    } else {
      const bytes = frame[0] === DATA_FRAME ? frame.subarray(8) : frame;
      const fault = lengthFault(bytes);
      if (fault !== undefined) verdicts[index] = `BAD ${fault}`;
      else messages.push({ index, bytes });
    }
  }
  const judged = await dissect(messages.map(({ bytes }) => bytes));
  for (const [position, { index }] of messages.entries()) {
    verdicts[index] = judged[position] ?? 'BAD not dissected';
  }
  return verdicts;
}

/** The lengths inside a whole message must add up to its own (RFC 6940 §6.3); undefined when they do. */
function lengthFault(message: Buffer): string | undefined {
  if (message.length < 38 || message.readUInt32BE(0) !== RELO_TOKEN) return 'header';
  if (message.readUInt32BE(16) !== message.length) return 'length in the header';
  if ((message.readUInt8(12) & 0xc0) !== 0xc0 || message.readUIntBE(13, 3) !== 0) return undefined; // a fragment
  let offset = 38 + message.readUInt16BE(32) + message.readUInt16BE(34) + message.readUInt16BE(36);
  const take = (size: number): number => {
    const value = message.readUIntBE(offset, size);
    offset += size;
    return value;
  };
  const skip = (size: number) => {
    const length = take(size);
    offset += length;
  };
  try {
    take(2); // message code
    skip(4); // body
    skip(4); // extensions
    skip(2); // certificates
    take(2); // signature and hash algorithm
    take(1); // SignerIdentity type
    skip(2); // SignerIdentity value
    skip(2); // signature value
  } catch {
    return 'lengths run past the end';
  }
  return offset === message.length ? undefined : `security block ends at ${offset} of ${message.length}`;
}

async function dissect(messages: readonly Buffer[]): Promise<string[]> {
  if (messages.length === 0) return [];
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-wirecheck-'));
  try {
    const dump = path.join(directory, 'messages.txt');
    const capture = path.join(directory, 'messages.pcap');
    writeFileSync(dump, messages.map(hexDump).join('\n'));
    // "Exported PDU": each message goes to the dissector by name, no ports or segments involved.
    await run('text2pcap', ['-q', '-P', 'reload', dump, capture]);
    const kinds = PRIVATE_KINDS.flatMap(([id, name, model]) => [
      '-o',
      `uat:reload_kindids:"${id}","${name}","${model}"`,
    ]);
    const fields = [
      '_ws.col.Protocol',
      '_ws.col.Info',
      '_ws.malformed',
      '_ws.expert.severity',
      '_ws.expert.message',
    ];
    const options = ['-n', '-o', 'reload.nodeid_length:16', '-o', 'reload.defragment:FALSE', ...kinds];
    const format = ['-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=|'];
    const tshark = await run('tshark', [
      ...options,
      ...['-r', capture],
      ...format,
      ...fields.flatMap((field) => ['-e', field]),
    ]);
    return tshark.stdout.split('\n').slice(0, messages.length).map(verdict);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function hexDump(message: Buffer): string {
  let text = '';
  for (let offset = 0; offset < message.length; offset += 16) {
    const row = [...message.subarray(offset, offset + 16)].map((byte) => byte.toString(16).padStart(2, '0'));
    text += `${offset.toString(16).padStart(6, '0')} ${row.join(' ')}\n`;
  }
  return text;
}

function verdict(row: string): string {
  const [protocol = '', info = '', malformed = '', severities = '', notes = ''] = row.split('\t');
  if (!protocol.includes('RELOAD')) return `BAD not RELOAD: ${protocol} ${info}`;
  if (malformed !== '') return `BAD malformed: ${info}`;
  const texts = notes.split('|');
  const faults = severities
    .split('|')
    .map((severity, i) => (Number(severity) >= PI_NOTE ? (texts[i] ?? '') : ''))
    .filter((text) => text !== '' && !DISSECTOR_FAULTS.some((known) => known.test(text)));
  return faults.length === 0 ? `ok ${info}` : `BAD ${info}: ${faults.join('; ')}`;
}
