import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const RATE = 8000;

/** Writes 30 s of a tone as 8 kHz mono 16-bit WAV: what a test phone says. */
export function writeTone(file: string, hertz: number): void {
  const samples = RATE * 30;
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // one channel
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(2 * RATE, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * samples, 40);
  for (let i = 0; i < samples; i++) {
    wav.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hertz * i) / RATE)), 44 + 2 * i);
  }
  writeFileSync(file, wav);
}

export interface Heard {
  seconds: number;
  /** Share of the energy that lies at the tone, 0 to 1. */
  tone: number;
  /** The loudest sample, of 32,768. */
  peak: number;
}

/** What baresip's sndfile module recorded from RTP in that directory, judged by Goertzel's filter at one tone. */
export function heardTone(directory: string, hertz: number): Heard {
  const file = readdirSync(directory).find((name) => name.endsWith('dec.wav'));
  if (file === undefined) return { seconds: 0, tone: 0, peak: 0 };
  const wav = readFileSync(path.join(directory, file));
  const channels = wav.readUInt16LE(22);
  const rate = wav.readUInt32LE(24);
  const frames = Math.floor((wav.length - 44) / (2 * channels));
  const count = Math.min(frames, rate * 2);
  const start = Math.max(0, Math.floor(frames / 2 - count / 2));
  const w = 2 * Math.cos((2 * Math.PI * hertz) / rate);
  let s1 = 0;
  let s2 = 0;
  let energy = 0;
  let peak = 0;
  for (let i = 0; i < count; i++) {
    const sample = wav.readInt16LE(44 + 2 * channels * (start + i));
    const s = sample + w * s1 - s2;
    s2 = s1;
    s1 = s;
    energy += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  const tone = energy === 0 ? 0 : (2 * (s1 * s1 + s2 * s2 - w * s1 * s2)) / (count * energy);
  return { seconds: frames / rate, tone, peak };
}
