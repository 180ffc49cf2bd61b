import { readFileSync } from 'node:fs';

/** The lines of all `sh` blocks that stand under a `<!-- run -->` comment, in order. */
export function documentedCommands(markdownFile: string): string[] {
  const text = readFileSync(markdownFile, 'utf8');
  const blocks = text.matchAll(/<!-- run -->\n```sh\n([\s\S]*?)```/g);
  return [...blocks].flatMap(([, block = '']) => block.trim().split('\n'));
}
