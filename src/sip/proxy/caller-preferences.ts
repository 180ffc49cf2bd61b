import { CodedError } from '../../base/index.ts';
import { type Params, parseParams } from '../message/params.ts';
import type { SipRequest } from '../message/request.ts';
import { type FeatureSet, featuresOf, matches, score, singleFeature } from '../registrar/features.ts';
import type { BindingTarget } from './binding-targets.ts';

/** What a caller wants of the phone that takes his call (RFC 3841 §7.2.1). */
interface Preference {
  readonly features: FeatureSet;
  readonly require: boolean;
  readonly explicit: boolean;
}

interface Ranked {
  readonly target: BindingTarget;
  readonly q: number;
  /** The overall caller preference Qa. */
  readonly preference: number;
}

/** Accept-Contact and Reject-Contact values that are looked at, of each. */
const MAX_PREFERENCES = 16;

/**
 * The phones of a user that a caller wants, in groups of the q they are to be tried with (RFC 3841 §7.2, §9.1).
 * NOTE: The order within one q is the caller's only where he states preferences. By the letter of §7.2.4 the mere
 * method of a request would have phones that list their methods ring before those that do not.
 */
export function preferredTargets(
  request: SipRequest,
  targets: readonly BindingTarget[],
): readonly BindingTarget[] {
  const isExplicit = request.has('Accept-Contact') || request.has('Reject-Contact');
  const wanted = isExplicit ? inOrder(explicit(request, targets)) : implicit(request, targets);
  if (!request.has('Request-Disposition')) return wanted;
  if (isDirected(request, 'no-fork')) return best(wanted);
  if (isDirected(request, 'sequential')) return inOrder(ranked(wanted), { isSequential: true });
  return isDirected(request, 'parallel') ? wanted.map((target) => ({ ...target, q: 1 })) : wanted;
}

/** Whether the caller wants his request at one phone only (RFC 3841 §9.1). */
export function forbidsForking(request: SipRequest): boolean {
  return request.has('Request-Disposition') && isDirected(request, 'no-fork');
}

function isDirected(request: SipRequest, directive: string): boolean {
  return request.headers('Request-Disposition').some((value) => value.toLowerCase() === directive);
}

/** RFC 3841 §7.2.4. */
function explicit(request: SipRequest, targets: readonly BindingTarget[]): Ranked[] {
  const rejected = preferencesOf(request, 'Reject-Contact');
  const accepted = preferencesOf(request, 'Accept-Contact');
  const left: Ranked[] = [];
  for (const target of targets) {
    const features = featuresOf(parseParams(target.binding.params, 0));
    // Immune: it says nothing of itself.
    const preference = features.size === 0 ? 1 : preferenceFor(features, accepted, rejected);
    if (preference !== undefined) left.push({ target, q: qOf(target), preference });
  }
  return left;
}

/** Qa of a phone with these features; undefined when the caller does not want it. */
function preferenceFor(
  features: FeatureSet,
  accepted: readonly Preference[],
  rejected: readonly Preference[],
): number | undefined {
  const isRejected = ({ features: unwanted }: Preference) =>
    score(unwanted, features) === 1 && matches(unwanted, features);
  if (rejected.some(isRejected)) return undefined;
  let sum = 0;
  let count = 0;
  for (const wanted of accepted) {
    if (!matches(wanted.features, features)) {
      if (wanted.require) return undefined;
      continue;
    }
    const points = score(wanted.features, features);
    if (points < 1 && wanted.explicit && wanted.require) return undefined;
    sum += points < 1 && wanted.explicit ? 0 : points;
    count += 1;
  }
  // Nothing asked for, nothing missed.
  if (accepted.length === 0) return 1;
  return count === 0 ? 0 : sum / count;
}

/**
 * RFC 3841 §7.2.2: without a word of the caller, phones that say they lack the method or the event package are left
 * out, unless all are: then one of them shall say so itself.
 */
function implicit(request: SipRequest, targets: readonly BindingTarget[]): readonly BindingTarget[] {
  const { method } = request;
  const event = method === 'SUBSCRIBE' ? request.header('Event')?.split(';', 1)[0]?.trim() : undefined;
  const capable = targets.filter(
    ({ binding: { params } }) =>
      allows(params, 'methods', method) && (event === undefined || allows(params, 'events', event)),
  );
  return capable.length === 0 ? targets : capable;
}

function allows(params: string, feature: string, value: string): boolean {
  // Seldom does a phone list anything: parsing for nothing is spared.
  if (!params.includes(feature)) return true;
  return matches(singleFeature(feature, value), featuresOf(parseParams(params, 0)));
}

function preferencesOf(request: SipRequest, name: string): Preference[] {
  const preferences: Preference[] = [];
  for (const value of request.headers(name).slice(0, MAX_PREFERENCES)) {
    const params = paramsOf(value);
    if (params === undefined) continue;
    const features = featuresOf(params);
    if (features.size === 0) continue;
    preferences.push({ features, require: params.has('require'), explicit: params.has('explicit') });
  }
  return preferences;
}

/** The parameters of `*;audio;require`; undefined when it is malformed, and then no preference at all. */
function paramsOf(value: string): Params | undefined {
  if (!value.startsWith('*')) return undefined;
  try {
    return parseParams(value, 1);
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

function ranked(targets: readonly BindingTarget[]): Ranked[] {
  return targets.map((target) => ({ target, q: qOf(target), preference: 1 }));
}

/** The callee's q first, the caller's preference within one q; each target gets a q that says so. */
function inOrder(targets: Ranked[], { isSequential = false } = {}): BindingTarget[] {
  targets.sort((a, b) => b.q - a.q || b.preference - a.preference);
  let group = 0;
  return targets.map(({ target, q, preference }, index) => {
    const before = targets[index - 1];
    const isNext =
      before !== undefined && (isSequential || before.q !== q || before.preference !== preference);
    if (isNext) group += 1;
    return { ...target, q: 1 - group / targets.length };
  });
}

/** RFC 3841 §9.1: of the highest q; of these the one registered last. */
function best(targets: readonly BindingTarget[]): readonly BindingTarget[] {
  let chosen: BindingTarget | undefined;
  for (const target of targets) {
    const difference = chosen === undefined ? 1 : qOf(target) - qOf(chosen);
    const isNewer = target.binding.updatedAt > (chosen?.binding.updatedAt ?? 0);
    if (difference > 0 || (difference === 0 && isNewer)) chosen = target;
  }
  return chosen === undefined ? [] : [chosen];
}

function qOf({ q, binding }: BindingTarget): number {
  return q ?? binding.q;
}
