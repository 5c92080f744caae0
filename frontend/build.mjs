// Copies what the pages need out of node_modules into the folder named as argument. Nothing is bundled or changed,
// but for the comments that point to source maps, which we do not ship.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const target = process.argv[2];
const packages = join(here, "node_modules");

const texts = {
  "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
  "tabler.rtl.min.css": "@tabler/core/dist/css/tabler.rtl.min.css",
  "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "alpine-csp.min.js": "@alpinejs/csp/dist/cdn.min.js",
};
const fontWeights = [400, 600];
// The Arabic letters only: Latin text keeps the reader's own font.
const arabicRange =
  "U+0600-06FF, U+0750-077F, U+0870-088E, U+0890-0891, U+0897-08E1, U+08E3-08FF, U+200C-200E, U+2010-2011, " +
  "U+204F, U+2E41, U+FB50-FDFF, U+FE70-FE74, U+FE76-FEFC";

function copyTexts() {
  for (const [name, from] of Object.entries(texts)) {
    const text = readFileSync(join(packages, from), "utf8");
    const mapComment = /^\s*(?:\/\/# sourceMappingURL=.*|\/\*# sourceMappingURL=.*?\*\/)\s*$/gm;
    writeFileSync(join(target, name), text.replace(mapComment, ""));
  }
}

function copyFonts() {
  const faces = fontWeights.map((weight) => {
    const file = `ibm-plex-sans-arabic-arabic-${weight}-normal.woff2`;
    copyFileSync(join(packages, "@fontsource/ibm-plex-sans-arabic/files", file), join(target, file));
    return `@font-face{font-family:"IBM Plex Sans Arabic";font-weight:${weight};font-display:swap;` +
      `src:url("${file}") format("woff2");unicode-range:${arabicRange}}\n`;
  });
  const stack = `:root{--tblr-font-sans-serif:"IBM Plex Sans Arabic",system-ui,sans-serif}\n`;
  writeFileSync(join(target, "plex-arabic.css"), faces.join("") + stack);
}

// One file for all icons: <svg class="icon"><use href="{% static 'vendor/icons.svg' %}#send"></use></svg>
function makeSprite() {
  const names = readFileSync(join(here, "icons.txt"), "utf8").split(/\s+/).filter(Boolean);
  const symbols = names.map((name) => {
    const icon = readFileSync(join(packages, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
    const shapes = icon.slice(icon.indexOf(">", icon.indexOf("<svg")) + 1, icon.lastIndexOf("</svg>"));
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
      `stroke-linecap="round" stroke-linejoin="round">${shapes.replace(/\s*\n\s*/g, "")}</symbol>\n`;
  });
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("")}</svg>\n`;
  writeFileSync(join(target, "icons.svg"), sprite);
}

// Whoever passes our wheel on passes these on too.
function nameSources() {
  const lines = Object.keys(JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies).map((name) => {
    const { version, license, homepage } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
    const terms = join(packages, name, "LICENSE");
    const text = existsSync(terms) ? `\n\n${readFileSync(terms, "utf8").trim()}` : "";
    return `${name} ${version}, ${license}, ${homepage ?? "https://www.npmjs.com/package/" + name}${text}\n`;
  });
  writeFileSync(join(target, "SOURCES.txt"), lines.join(`\n${"-".repeat(72)}\n\n`));
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
copyTexts();
copyFonts();
makeSprite();
nameSources();
