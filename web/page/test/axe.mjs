// @ts-check
// axe-core's source, for tests of what is seen in a browser. Knows no page.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** axe-core's source, from where npm put it; never kept in the repository. */
export async function axeSource() {
  const where = join(root, "target/tools/axe");
  const file = join(where, "node_modules/axe-core/axe.min.js");
  if (!existsSync(file)) {
    mkdirSync(where, { recursive: true });
    try {
      execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", where, "axe-core@4.10.3"], { stdio: "ignore", timeout: 60_000 });
    } catch {
      return null;
    }
  }
  return readFileSync(file, "utf8");
}
