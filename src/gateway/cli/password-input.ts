import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { abortable } from '../../base/index.ts';
import { type CliEnvironment, CommandError } from './environment.ts';

const MAX_PASSWORD_BYTES = 1_024;

/**
 * A password: all of the standard input but a line end behind it, or what somebody types twice without seeing it.
 * @throws CommandError 'wrong-use'
 */
export async function readPassword(
  environment: CliEnvironment,
  { passwordStdin = false }: { readonly passwordStdin?: boolean },
): Promise<string> {
  const { stdin } = environment;
  if (!passwordStdin && !stdin.isTTY) refuse('no terminal to ask for the password on; use --password-stdin');
  const password = passwordStdin ? await readAll(stdin) : await askTwice(environment);
  if (password === '') refuse('the password is empty');
  if (/\p{Cc}/u.test(password)) refuse('the password holds a control character or a line end');
  return password;
}

async function readAll(stdin: CliEnvironment['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > MAX_PASSWORD_BYTES) refuse(`the password is longer than ${MAX_PASSWORD_BYTES} bytes`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, '');
  } catch {
    return refuse('the password is not UTF-8');
  }
}

async function askTwice({ stdin, stderr }: CliEnvironment): Promise<string> {
  // What is typed goes here instead of to the screen.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true });
  // Ctrl-C and Ctrl-D: nobody will answer any more.
  const gone = new AbortController();
  terminal.once('SIGINT', () => terminal.close());
  terminal.once('close', () => gone.abort(new CommandError('wrong-use', 'no password was given')));
  const ask = (prompt: string) => {
    stderr.write(prompt);
    return abortable(terminal.question(''), gone.signal).finally(() => stderr.write('\n'));
  };
  try {
    const password = await ask('Password: ');
    if ((await ask('Once more: ')) !== password) refuse('the two passwords are not the same');
    return password;
  } finally {
    terminal.close();
  }
}

function refuse(problem: string): never {
  throw new CommandError('wrong-use', problem);
}
