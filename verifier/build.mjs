// Makes one file of mailauth and judge.mjs in the folder named as argument. What could speak to the network is left out.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const target = process.argv[2];
// mailauth asks the system's DNS where it is given no resolver, and fetches policies that we do not ask for.
const absent = /^(?:node:)?(?:dns|http|https|http2|tls|dgram|child_process|worker_threads|cluster|fs)(?:\/.*)?$/;

const withoutNetwork = {
  name: "without-network",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: absent }, ({ path }) => ({ path, namespace: "absent" }));
    onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "module.exports = { promises: {} }" }));
  },
};

async function bundle() {
  const made = await build({
    absWorkingDir: here,
    entryPoints: ["judge.mjs"],
    outfile: join(target, "mailauth.cjs"),
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node22",
    minify: true,
    legalComments: "none", // SOURCES.txt holds them
    metafile: true,
    plugins: [withoutNetwork],
    logLevel: "warning",
  });
  return Object.keys(made.metafile.inputs);
}

// Whoever passes our wheel on passes these on too.
function nameSources(files) {
  const names = new Set(files.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean));
  const texts = [...names].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license, homepage } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const terms = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    const text = terms ? `\n\n${readFileSync(join(folder, terms), "utf8").trim()}` : "";
    return `${[`${name} ${version}`, license, homepage].filter(Boolean).join(", ")}${text}\n`;
  });
  writeFileSync(join(target, "SOURCES.txt"), texts.join(`\n${"-".repeat(72)}\n\n`));
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
nameSources(await bundle());
