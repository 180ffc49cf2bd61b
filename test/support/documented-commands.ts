import { readFileSync } from 'node:fs';

/** The lines of all `sh` blocks that stand under a `<!-- run -->` comment, or one with that name behind it, in order. */
export function documentedCommands(markdownFile: string, name = ''): string[] {
  const text = readFileSync(markdownFile, 'utf8');
  const mark = `<!-- ${`run ${name}`.trim()} -->`;
  const blocks = text.matchAll(new RegExp(`${mark}\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].flatMap(([, block = '']) => block.trim().split('\n'));
}
