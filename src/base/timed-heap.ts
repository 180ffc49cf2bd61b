/**
 * A binary heap of keys by their times. Two arrays side by side and no object for each entry: a server has several entries
 * for each of its users.
 */
export class TimedHeap<K> {
  #keys: K[] = [];
  #times: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** The earliest time; undefined when it is empty. */
  get firstTime(): number | undefined {
    return this.#times[0];
  }

  push(key: K, time: number): void {
    this.#keys.push(key);
    this.#times.push(time);
    let at = this.#keys.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (time >= this.#times[parent]!) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, key, time);
  }

  /** Takes the key with the earliest time away; undefined when it is empty. */
  pop(): K | undefined {
    const first = this.#keys[0];
    const key = this.#keys.pop();
    const time = this.#times.pop();
    if (this.#keys.length > 0) this.#siftDown(0, key as K, time!);
    return first;
  }

  /** Drops every entry that `keep` refuses. */
  retain(keep: (key: K, time: number) => boolean): void {
    const kept = this.#keys.map((key, at) => keep(key, this.#times[at]!));
    this.#keys = this.#keys.filter((_, at) => kept[at]);
    this.#times = this.#times.filter((_, at) => kept[at]);
    for (let at = (this.#keys.length >> 1) - 1; at >= 0; at -= 1)
      this.#siftDown(at, this.#keys[at]!, this.#times[at]!);
  }

  #siftDown(start: number, key: K, time: number): void {
    const times = this.#times;
    const size = times.length;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && times[child + 1]! < times[child]!) child += 1;
      if (times[child]! >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, key, time);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#keys[from]!, this.#times[from]!);
  }

  #put(at: number, key: K, time: number): void {
    this.#keys[at] = key;
    this.#times[at] = time;
  }
}
