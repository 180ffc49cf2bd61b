/** Rings: a sound in this tab, a notification outside it, and the tab's title. */
export class Ringer {
  #context;
  #timer;
  #notification;
  #title = document.title;

  /** The page may only sound after a click: call it in one. */
  wake() {
    this.#context ??= new AudioContext();
    void this.#context.resume();
    if (globalThis.Notification?.permission === 'default') void Notification.requestPermission();
    return this.#context;
  }

  get context() {
    return this.#context;
  }

  start(who) {
    this.stop();
    document.title = `${who} is calling`;
    if (document.hidden && globalThis.Notification?.permission === 'granted') {
      this.#notification = new Notification('Incoming call', { body: who, tag: 'p2psip-call' });
      this.#notification.onclick = () => window.focus();
    }
    this.#ring();
    this.#timer = setInterval(() => this.#ring(), 3000);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#notification?.close();
    this.#notification = undefined;
    document.title = this.#title;
  }

  /** Two tones for a second. */
  #ring() {
    if (this.#context === undefined) return;
    const gain = this.#context.createGain();
    gain.gain.value = 0.06;
    gain.connect(this.#context.destination);
    for (const frequency of [440, 480]) {
      const tone = this.#context.createOscillator();
      tone.frequency.value = frequency;
      tone.connect(gain);
      tone.start();
      tone.stop(this.#context.currentTime + 1);
    }
  }
}
