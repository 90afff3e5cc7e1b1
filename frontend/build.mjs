// Makes src/chainrule/playing/page/vendor from the packages of package-lock.json.
//
//     npm ci --ignore-scripts && node build.mjs           writes the folder anew
//     npm ci --ignore-scripts && node build.mjs --check   compares it with a build

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync }
  from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const committed = join(here, "../src/chainrule/playing/page/vendor");
const bundled = ["@preact/signals", "@preact/signals-core", "htm", "katex", "preact", "uplot"];

/**
 * Make KaTeX set styles in the one way that the page's policy allows. As it is, it gives
 * its SVG a style attribute, and without that the tall brackets, arrows and \vec are
 * drawn in the wrong width.
 */
const styles = {
  name: "styles",
  setup(build) {
    build.onLoad({ filter: /katex[/\\]dist[/\\]katex\.mjs$/ }, ({ path }) => {
      let places = 0;
      const contents = readFileSync(path, "utf8")
        .replace(/node\.setAttribute\(attr, ([^;]+)\);/g, (call, value) => {
          places += 1;
          return `if (attr === "style") node.style.cssText += ${value}; else ${call}`;
        });
      if (places !== 4) {
        throw new Error(`katex sets attributes in ${places} places, not 4: look at them again`);
      }
      return { contents, loader: "js" };
    });
  },
};

/** Bundle vendor.mts; fail where it takes a package whose licence is not carried along. */
async function bundle(folder) {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: ["vendor.mts"],
    outfile: join(folder, "vendor.mjs"),
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    plugins: [styles],
    banner: { js: "// Made by frontend/build.mjs of the packages in LICENSES.txt." },
  });
  const taken = Object.keys(metafile.inputs)
    .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((name) => name !== undefined);
  const found = [...new Set(taken)].sort().join(" ");
  if (found !== bundled.join(" ")) {
    throw new Error(`the bundle is made of ${found}: correct 'bundled' in build.mjs`);
  }
}

/** Write the types of vendor.mjs, which name the packages' own. */
function declare(folder) {
  const tsc = join(packages, "typescript/bin/tsc");
  execFileSync(process.execPath, [
    tsc, "-p", join(here, "tsconfig.vendor.json"), "--outDir", folder,
  ], { stdio: "inherit" });
}

/** Copy the style sheets; of KaTeX's three formats of every font keep woff2. */
function style(folder) {
  const from = join(packages, "katex/dist");
  const sheet = readFileSync(join(from, "katex.min.css"), "utf8")
    .replace(/,url\(fonts\/[\w-]+\.(?:woff|ttf)\) format\("\w+"\)/g, "");
  writeFileSync(join(folder, "katex.css"), sheet);
  mkdirSync(join(folder, "fonts"));
  const fonts = [...sheet.matchAll(/url\(fonts\/([^)]+)\)/g)].map((match) => match[1]);
  for (const font of new Set(fonts)) {
    cpSync(join(from, "fonts", font), join(folder, "fonts", font));
  }
  cpSync(join(packages, "uplot/dist/uPlot.min.css"), join(folder, "uplot.css"));
}

/** Write the licence of every package in the bundle, and of the fonts, which have another. */
function license(folder) {
  const parts = bundled.map((name) => {
    const { version, license } = JSON.parse(
      readFileSync(join(packages, name, "package.json"), "utf8"));
    const text = readFileSync(join(packages, name, "LICENSE"), "utf8");
    return [`${name} ${version} (${license})`, text];
  });
  const fonts = readFileSync(join(here, "fonts-license.txt"), "utf8");
  parts.push(["The fonts of katex (OFL-1.1)", fonts]);
  writeFileSync(join(folder, "LICENSES.txt"), parts
    .map(([title, text]) => `${title}\n${"=".repeat(title.length)}\n\n${text.trim()}\n`)
    .join("\n\n"));
}

/** Return the bytes of every file below a folder, by its path. */
function contents(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(entries.filter((entry) => entry.isFile()).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [relative(folder, path), readFileSync(path)];
  }));
}

/** Return the files that differ between two folders, or are in one alone. */
function differing(one, other) {
  const [a, b] = [contents(one), contents(other)];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths.filter((path) => !(a.has(path) && b.has(path) && a.get(path).equals(b.get(path))));
}

const folder = mkdtempSync(join(tmpdir(), "vendor-"));
try {
  await bundle(folder);
  declare(folder);
  style(folder);
  license(folder);
  if (process.argv.includes("--check")) {
    const files = differing(folder, committed);
    if (files.length > 0) {
      console.error(`another build gives other files: ${files.join(", ")}`);
      console.error("run 'npm ci --ignore-scripts && node build.mjs' in frontend/, and commit");
      process.exitCode = 1;
    }
  } else {
    rmSync(committed, { recursive: true, force: true });
    mkdirSync(committed, { recursive: true });
    for (const name of readdirSync(folder)) {
      cpSync(join(folder, name), join(committed, name), { recursive: true });
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
