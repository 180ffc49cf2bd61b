import type { Command } from 'commander';
import { diagnose } from '../../doctor/doctor.ts';
import type { Verdict } from '../../doctor/finding.ts';
import { type ConfigOptions, withConfigOptions } from '../config-options.ts';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
import { type Style, styleFor } from '../style.ts';
import { formatTable } from '../table.ts';

type DoctorOptions = ConfigOptions & { readonly json?: boolean };

export function addDoctor(program: Command, environment: CliEnvironment): void {
  withConfigOptions(program.command('doctor'))
    .option('--json', 'print JSON')
    .description('check a configuration and this host, and say what is wrong and how to mend it')
    .action((options: DoctorOptions) => doctor(options, environment));
}

async function doctor(options: DoctorOptions, environment: CliEnvironment): Promise<void> {
  const { network } = await environment.loadNet();
  const { findings, readable } = await diagnose(options.config, options.set, { network });
  if (options.json) {
    printLine(environment.stdout, JSON.stringify(findings));
  } else {
    const rows = findings.map(({ check, verdict, detail, mend }) => [verdict, check, detail, mend ?? '']);
    const table = formatTable(['', 'CHECK', 'FOUND', 'MEND'], rows);
    printLine(environment.stdout, painted(table, styleFor(environment.stdout)));
  }
  const failures = findings.filter(({ verdict }) => verdict === 'fail').length;
  if (failures === 0) return;
  const summary = `${options.config}: ${failures} of ${findings.length} checks failed`;
  throw new CommandError(readable ? 'operation-failed' : 'wrong-use', summary);
}

/** Painted when it is a table already, since colours take no room on a screen. */
function painted(table: string, style: Style): string {
  const [head = '', ...rows] = table.split('\n');
  const paint = { ok: style.good, warn: style.doubtful, fail: style.bad };
  return [
    style.bold(head),
    ...rows.map((row) => row.replace(/^(ok|warn|fail)\b/, (verdict) => paint[verdict as Verdict](verdict))),
  ].join('\n');
}
