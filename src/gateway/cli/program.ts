import { Command } from 'commander';
import { packageVersion } from '../package-version.ts';
import { addBans } from './commands/bans.ts';
import { addCalls } from './commands/calls.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnrollment } from './commands/enrollment.ts';
import { addHelp } from './commands/help.ts';
import { addLookup } from './commands/lookup.ts';
import { addOverlay } from './commands/overlay.ts';
import { addPing } from './commands/ping.ts';
import { addRegistrations } from './commands/registrations.ts';
import { addReload } from './commands/reload.ts';
import { addRing } from './commands/ring.ts';
import { addRun } from './commands/run.ts';
import { addStatus } from './commands/status.ts';
import { addTestnet } from './commands/testnet.ts';
import { addTrace } from './commands/trace.ts';
import { addUser } from './commands/user.ts';
import type { CliEnvironment } from './environment.ts';
import { addExamples } from './examples.ts';
import { hasColours, styleFor } from './style.ts';

/** The whole command line. */
export function createProgram(environment: CliEnvironment): Command {
  const program = new Command('p2psip')
    .description(
      'A SIP server without a centre: registrar, proxy and redirector outside, RELOAD peer inside.',
    )
    .version(packageVersion())
    .showHelpAfterError('(p2psip --help shows how)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => environment.stdout.write(text),
      writeErr: (text) => environment.stderr.write(text),
      getOutHasColors: () => hasColours(environment.stdout),
      getErrHasColors: () => hasColours(environment.stderr),
    })
    .configureHelp({ styleTitle: (title) => styleFor(environment.stdout).bold(title) });
  for (const add of [
    addRun,
    addLookup,
    addStatus,
    addRing,
    addRegistrations,
    addCalls,
    addPing,
    addTrace,
    addBans,
    addReload,
    addTestnet,
    addDoctor,
    addOverlay,
    addUser,
    addEnrollment,
    addCompletion,
    addHelp,
  ]) {
    add(program, environment);
  }
  addExamples(program);
  return program;
}
