import type { Writable } from 'node:stream';
import winston from 'winston';
import type { LogFields, Logger } from '../../base/index.ts';
import type { LogTail } from './log-tail.ts';
import { redact, redactText } from './redact.ts';

export interface LoggerOptions {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly format: 'text' | 'json';
  /** Where lines go; stderr unless told, since stdout belongs to the ready line and to answers. */
  readonly stream?: Writable;
  /** Gets the same lines. */
  readonly tail?: LogTail;
}

/** A logger whose level can be changed for all that descend from it. */
export interface LeveledLogger extends Logger {
  setLevel(level: LoggerOptions['level']): void;
}

/** The logger port on winston: one line an entry, text for people or JSON for collectors. */
export function createLogger({ level, format, stream = process.stderr, tail }: LoggerOptions): LeveledLogger {
  const root = winston.createLogger({
    level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf(format === 'json' ? formatJson : formatText),
    transports: [new winston.transports.Stream({ stream })],
  });
  return new WinstonLogger(root, {}, tail);
}

class WinstonLogger implements LeveledLogger {
  readonly #root: winston.Logger;
  readonly #bound: LogFields;

  readonly #tail: LogTail | undefined;

  constructor(root: winston.Logger, bound: LogFields, tail: LogTail | undefined) {
    this.#root = root;
    this.#bound = bound;
    this.#tail = tail;
  }

  get debugEnabled(): boolean {
    return this.#root.level === 'debug';
  }

  setLevel(level: LoggerOptions['level']): void {
    this.#root.level = level;
  }

  debug(message: string, fields?: LogFields): void {
    if (this.debugEnabled) this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new WinstonLogger(this.#root, { ...this.#bound, ...fields }, this.#tail);
  }

  #write(level: string, message: string, fields: LogFields | undefined): void {
    if (!this.#root.isLevelEnabled(level)) return;
    const entry = redact({ ...this.#bound, ...fields });
    const text = redactText(message);
    this.#root.log({ level, message: text, fields: entry });
    this.#tail?.add(level, textOf(text, entry));
  }
}

interface Entry {
  readonly level: string;
  readonly message: unknown;
  readonly fields?: Record<string, unknown>;
}

function formatJson(info: unknown): string {
  const { level, message, fields } = info as Entry;
  return JSON.stringify({ ...fields, time: new Date().toISOString(), level, message });
}

function formatText(info: unknown): string {
  const { level, message, fields = {} } = info as Entry;
  return `${new Date().toISOString()} ${level.padEnd(5)} ${textOf(String(message), fields)}`;
}

function textOf(message: string, fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(value)}`);
  return oneLine(`${message}${pairs.join('')}`);
}

function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return typeof value === 'string' && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}

/** What came from the network must not be able to begin a line of its own, nor to steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
