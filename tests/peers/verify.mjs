// mailauth's verdict on each message of a folder: `NAME<tab>RESULT` a line. No network: DNS is what the arguments say.
// node verify.mjs MODULES FOLDER KEY_NAME TXT_STRING...
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, folder, keyName, ...strings] = process.argv.slice(2);
const { dkimVerify } = createRequire(`${modules}/`)('mailauth/lib/dkim/verify');

async function resolver(name, type) {
  if (name === keyName && type === 'TXT') return [strings];
  throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
}

for (const file of readdirSync(folder).sort()) {
  const { results } = await dkimVerify(readFileSync(`${folder}/${file}`), { resolver, strict: true, minBitLength: 2048 });
  console.log(`${file}\t${results.map(({ status }) => status.result).join(' ') || 'none'}`);
}
