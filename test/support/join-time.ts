/** How long a peer took from its own start, its records read, until it was part of the overlay, ms, by its log. */
export function joinTimeOf(log: string): number {
  const at = (message: string) => {
    const line = log.split('\n').find((one) => one.includes(message)) ?? '';
    return Date.parse(line.split(' ')[0] ?? '');
  };
  return at('overlay state state=joined') - at('records loaded');
}
