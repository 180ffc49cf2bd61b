const EVERY_MS = 100;
/** Quieter than this is drawn as silence, dB below full scale. */
const FLOOR_DB = 60;

/** Shows how loud a stream is, on a `meter` element from 0 to 1. */
export class LevelMeter {
  #element;
  #source;
  #timer;

  constructor(element) {
    this.#element = element;
  }

  /** @param {MediaStream} stream @param {AudioContext} context */
  start(stream, context) {
    this.stop();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.#element.value = levelOf(samples);
    }, EVERY_MS);
  }

  get isRunning() {
    return this.#timer !== undefined;
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#source?.disconnect();
    this.#source = undefined;
    this.#element.value = 0;
  }
}

function levelOf(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / FLOOR_DB);
}
