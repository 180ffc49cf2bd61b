import type { Command } from 'commander';
import { diagnose } from '../../doctor/doctor.ts';
import { type ConfigOptions, withConfigOptions } from '../config-options.ts';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
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
    printLine(environment.stdout, formatTable(['', 'CHECK', 'FOUND', 'MEND'], rows));
  }
  const failures = findings.filter(({ verdict }) => verdict === 'fail').length;
  if (failures === 0) return;
  const summary = `${options.config}: ${failures} of ${findings.length} checks failed`;
  throw new CommandError(readable ? 'operation-failed' : 'wrong-use', summary);
}
