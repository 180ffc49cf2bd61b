// Run as a program of its own by `opening-mark`: reads the store that its argument names, and dies if that kills it.
import { open } from 'lmdb';
import { readThrough } from './read-through.ts';

const [, , path = ''] = process.argv;
const database = open<Buffer, string>({ path, noSubdir: true, readOnly: true, encoding: 'binary' });
readThrough(path, database);
await database.close();
