/** The fast checks, which need neither a database nor a running API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { node, root, run, tool } from './project.mjs';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** A script of package.json that is one program of node_modules. Running it through npm would take 0.25 s more. */
function script(name) {
  const [program, ...args] = scripts[name].split(' ');
  if (program === 'node') return [join(root, args[0]), ...args.slice(1)];
  const packages = { tsc: 'typescript', depcruise: 'dependency-cruiser' };
  return [...tool(packages[program] ?? program, program), ...args];
}

const CHECKS = ['lint', 'types', 'format:check', 'boundaries', 'openapi:check', 'docs:check', 'chart:check'].filter(
  (name) => name in scripts,
);

/** Runs them two at a time; each counts as one test. */
export async function runChecks() {
  const waiting = [...CHECKS];
  const results = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const since = Date.now();
      const { code, output } = await run(node, script(name), { quiet: true });
      console.log(`${code === 0 ? '✓' : '✗'} ${name} (${((Date.now() - since) / 1000).toFixed(1)} s)`);
      if (output.trim() !== '') console.log(output.trimEnd());
      const failures = code === 0 ? [] : [{ name: `check: npm run ${name}`, detail: output }];
      results.push({ code, passed: code === 0 ? 1 : 0, failures });
    }
  };
  await Promise.all([work(), work()]);
  return results;
}
