import type { Random } from '../../base/index.ts';
import type { OwnNames } from '../auth/digest-check.ts';
import { Params } from '../message/params.ts';
import { percentDecode, quote } from '../message/text.ts';
import type { SipUri } from '../message/uri.ts';
import type { Binding } from './binding.ts';
import { publicGruu } from './public-gruu.ts';
import type { TemporaryGruus } from './temporary-gruus.ts';

/** Gives phones that ask for them their GRUUs (RFC 5627 §5). */
export class GruuIssuer {
  readonly #random: Random;
  readonly #own: OwnNames;
  readonly #temporary: TemporaryGruus;

  constructor(deps: { random: Random; own: OwnNames; temporary: TemporaryGruus }) {
    this.#random = deps.random;
    this.#own = deps.own;
    this.#temporary = deps.temporary;
  }

  /**
   * The series of a phone's temporary GRUUs after a REGISTER (§5.1): the one it has, or a new one where it has none, or
   * when the Call-ID of the contact it refreshes is another; those given before are worth nothing then.
   * @param before the bindings of the AoR
   * @param asked whether the phone supports GRUUs; one that has stopped saying so keeps what it has
   */
  seriesOf(
    { instance, regId, callId }: Pick<Binding, 'instance' | 'regId' | 'callId'>,
    before: readonly Binding[],
    asked: boolean,
  ): number | undefined {
    if (instance === undefined) return undefined;
    const known = before.filter((old) => old.instance === instance && old.gruuSeries !== undefined);
    const newest = newestOf(known);
    if (newest === undefined) return asked ? this.#newSeries() : undefined;
    const refreshed = regId === undefined ? newest : newestOf(known.filter((old) => old.regId === regId));
    const isBroken = refreshed !== undefined && refreshed.callId !== callId;
    return isBroken ? this.#newSeries() : newest.gruuSeries;
  }

  /** The parameters of a Contact in the 200 (§5.2). */
  paramsOf(binding: Binding): string {
    const { aor, gruuSeries } = binding;
    const lasting = gruuSeries === undefined ? undefined : publicGruu(binding);
    if (gruuSeries === undefined || lasting === undefined) return '';
    const user = this.#temporary.make({ aor, series: gruuSeries });
    const temporary = lasting.with({ user, params: new Params(['gr', true]) });
    return `;pub-gruu=${quote(lasting.toString())};temp-gruu=${quote(temporary.toString())}`;
  }

  /** Whether a Contact is the AoR, or a GRUU of it: calls would go round in a circle (§5.1). */
  leadsBackTo(aor: string, { user = '', host, port }: SipUri): boolean {
    const domain = this.#own.domainOf(host, port);
    if (domain === undefined) return false;
    return `${percentDecode(user)}@${domain}` === aor || this.#temporary.open(user)?.aor === aor;
  }

  #newSeries(): number {
    return Buffer.from(this.#random.bytes(6)).readUIntBE(0, 6);
  }
}

/** §5.1: when a phone starts a new series, its other flows (RFC 5626) go over to it. */
export function inSeriesOf(binding: Binding, others: Binding[]): Binding[] {
  const { instance, gruuSeries } = binding;
  if (gruuSeries === undefined) return others;
  return others.map((other) =>
    other.instance === instance && other.gruuSeries !== gruuSeries ? { ...other, gruuSeries } : other,
  );
}

function newestOf(bindings: readonly Binding[]): Binding | undefined {
  return bindings.reduce<Binding | undefined>(
    (newest, one) => (newest === undefined || one.updatedAt >= newest.updatedAt ? one : newest),
    undefined,
  );
}
