export { systemClock } from './system-clock.ts';
export { type NaptrRecord, type SrvRecord, SystemDns } from './system-dns.ts';
export { type BindErrorCode, systemCode } from './system-errors.ts';
export { SystemNetwork } from './system-network.ts';
export { systemRandom } from './system-random.ts';
