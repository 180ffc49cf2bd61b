import { byId, el } from '../shared/dom.js';
import { Line } from './line.js';
import { LevelMeter } from './meter.js';
import { Ringer } from './ringer.js';

const TEXTS = {
  incoming: 'is calling you',
  outgoing: 'calling…',
  ringing: 'ringing…',
  talking: 'talking',
};
const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];

const ringer = new Ringer();
const mine = new LevelMeter(byId('level-mine'));
const theirs = new LevelMeter(byId('level-theirs'));
let line;
let domain = '';
let talkingSince;
let state = 'over';

async function begin() {
  const query = new URLSearchParams(location.search);
  byId('user').value = query.get('user') ?? '';
  byId('target').value = query.get('call') ?? '';
  try {
    const settings = await (await fetch('/phone/settings')).json();
    domain = settings.domain;
    if (settings.hasRelay)
      byId('relay').textContent = 'Desk phones that speak plain RTP are reached by the relay of this peer.';
    byId('server').value = query.get('server') ?? nearest(settings.webSockets);
    byId('domain').textContent = `@${domain}`;
    if (byId('server').value === '')
      problem('This peer has no ws:// or wss:// listener: add one to sip.listen.');
  } catch {
    problem('The peer does not answer.');
  }
  if (navigator.mediaDevices === undefined)
    problem(
      'A browser gives the microphone to pages of localhost and of https:// only: open this page by one of them.',
    );
  byId('digits').append(
    ...DIGITS.map((digit) => el('button', { type: 'button', click: () => press(digit) }, digit)),
  );
}

/** The listener on the host that this page came from, else the first: by that host's name where it is on another host's loopback. */
function nearest(urls) {
  const wanted = location.protocol === 'https:' ? urls.filter((url) => url.startsWith('wss:')) : urls;
  const same = wanted.find((url) => new URL(url).hostname === location.hostname);
  if (same !== undefined || wanted.length === 0) return same ?? '';
  const url = new URL(wanted[0]);
  url.hostname = location.hostname;
  return url.href.replace(/\/$/, '');
}

function problem(text) {
  byId('problem').textContent = text;
  byId('problem').hidden = text === '';
}

async function register(event) {
  event.preventDefault();
  problem('');
  ringer.wake();
  const name = byId('user')
    .value.trim()
    .replace(/^sips?:/, '');
  const aor = name.includes('@') ? name : `${name}@${domain}`;
  byId('register').disabled = true;
  try {
    await line?.unregister();
    line = new Line(
      { server: byId('server').value.trim(), aor, password: byId('password').value, audio: byId('audio') },
      { onRegistration: (isRegistered, why) => onRegistration(aor, isRegistered, why), onCall },
    );
    await line.register();
  } catch (error) {
    onRegistration(aor, false, `The server cannot be reached: ${error.message}`);
  }
}

function onRegistration(aor, isRegistered, why = '') {
  byId('state').textContent = isRegistered ? 'registered' : 'not registered';
  byId('state').className = `chip ${isRegistered ? 'good' : 'warn'}`;
  byId('who').textContent = isRegistered ? aor : '';
  byId('account').hidden = isRegistered;
  byId('dial').hidden = !isRegistered;
  byId('register').disabled = false;
  problem(why);
  if (isRegistered && state === 'over') byId('target').focus();
}

function onCall(call) {
  state = call.state;
  const isOver = state === 'over';
  byId('call').hidden = isOver;
  byId('dial').classList.toggle('busy', !isOver);
  byId('call-button').disabled = !isOver;
  byId('answer').hidden = state !== 'incoming';
  byId('mute').hidden = state !== 'talking';
  byId('levels').hidden = state !== 'talking';
  byId('hang-up').textContent = state === 'incoming' ? 'Decline' : 'Hang up';
  if (state === 'incoming') ringer.start(call.who);
  else ringer.stop();
  if (isOver) endCall(call);
  else {
    byId('call-who').textContent = call.who;
    byId('call-state').textContent = TEXTS[state];
    problem('');
  }
  if (state === 'incoming') byId('answer').focus();
  if (state === 'talking') talkingSince ??= Date.now();
}

function endCall({ who, why }) {
  talkingSince = undefined;
  mine.stop();
  theirs.stop();
  byId('mute').setAttribute('aria-pressed', 'false');
  byId('call-state').textContent = '';
  byId('last').textContent = why === undefined ? `Call with ${who} is over.` : `${who}: ${why}`;
  byId('target').focus();
}

/** In a call a digit is a tone, else a digit of the number. */
function press(digit) {
  if (state === 'talking') void line.tone(digit);
  else byId('target').value += digit;
}

function followMedia() {
  if (state !== 'talking') return;
  const seconds = Math.floor((Date.now() - talkingSince) / 1000);
  byId('call-state').textContent =
    `talking ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  const streams = line.streams;
  const context = ringer.wake();
  if (!mine.isRunning && streams.mine?.getAudioTracks().length > 0) mine.start(streams.mine, context);
  if (!theirs.isRunning && streams.theirs?.getAudioTracks().length > 0) theirs.start(streams.theirs, context);
}

byId('account').addEventListener('submit', register);
byId('dial').addEventListener('submit', (event) => {
  event.preventDefault();
  ringer.wake();
  byId('last').textContent = '';
  if (byId('target').value.trim() !== '' && state === 'over') void line.call(byId('target').value);
});
byId('answer').addEventListener('click', () => {
  ringer.wake();
  ringer.stop();
  void line.answer();
});
byId('hang-up').addEventListener('click', () => void line.hangUp());
byId('mute').addEventListener('click', () =>
  byId('mute').setAttribute('aria-pressed', String(line.toggleMute())),
);
byId('sign-out').addEventListener('click', () => void line.unregister());
setInterval(followMedia, 250);
void begin();
