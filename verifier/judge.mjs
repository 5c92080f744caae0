// mailauth's verdict on signed messages. It talks in lines of JSON and opens no connection: what it wants to know of DNS
// it asks of whoever started it (rida/preflight/by_mailauth.py).
//
// in:  {messages: [{raw, mail_from}], helo, addresses}   raw: base64
// out: {ask: NUMBER, name, type}                         in: {ask: NUMBER, records} or {ask: NUMBER, code}
// out: {verdicts: [{dkim, spf, dmarc, reason}]}          one for each message; spf is empty where nobody asked for it
import { createInterface } from 'node:readline';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { dmarc } from 'mailauth/lib/dmarc/index.js';
import { spf } from 'mailauth/lib/spf/index.js';

const waiting = new Map();
let asked = 0;

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function resolver(name, type) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject });
    say({ ask: asked, name, type });
  });
}

function hear({ ask, records, code }) {
  const { resolve, reject } = waiting.get(ask);
  waiting.delete(ask);
  if (code) reject(Object.assign(new Error(`DNS says ${code}`), { code }));
  else resolve(records);
}

// The first that does not pass speaks for all: every signature and every address is ours.
function worst(statuses) {
  return statuses.find(({ result }) => result !== 'pass') ?? statuses[0] ?? { result: 'none' };
}

async function senderVerdict(sender, { helo, addresses }) {
  const verdicts = [];
  for (const ip of addresses) verdicts.push((await spf({ sender, ip, helo, mta: helo, resolver, strict: true })).status);
  return addresses.length ? worst(verdicts) : null;
}

// Alignment by the signature alone: what is forwarded has nothing else.
async function authorVerdict({ headerFrom, fromFields, results }) {
  const dkimDomains = results.filter(({ status }) => status.result === 'pass').map((each) => each.signingDomain);
  const said = await dmarc({ headerFrom, fromFields, dkimDomains, spfDomains: [], resolver, strict: true });
  return said.status ?? { result: 'permerror', comment: said.reason ?? 'no domain in From' };
}

async function judge({ raw, mail_from: sender }, envelope) {
  const seen = await dkimVerify(Buffer.from(raw, 'base64'), { resolver, strict: true });
  const signature = worst(seen.results.map(({ status }) => status));
  const origin = await senderVerdict(sender, envelope);
  const author = await authorVerdict(seen);
  const failed = [signature, origin, author].filter((each) => each && each.result !== 'pass');
  return {
    dkim: signature.result,
    spf: origin?.result ?? '',
    dmarc: author.result,
    reason: failed.map(({ comment }) => comment).filter(Boolean).join('; '),
  };
}

async function begin({ messages, ...envelope }) {
  const verdicts = [];
  for (const message of messages) verdicts.push(await judge(message, envelope));
  say({ verdicts });
  process.stdin.destroy();
}

createInterface({ input: process.stdin }).once('line', (first) => begin(JSON.parse(first))).on('line', (line) => {
  const said = JSON.parse(line);
  if (said.ask) hear(said);
});
