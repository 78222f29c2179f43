/**
 * Plants bugs, one at a time, and says how many seeds it takes until a checker catches each.
 *
 *   npm run -s sim:mutants -- [--json FILE] [--seeds N] [--only PART-OF-NAME]
 *
 * A mutant exists only in a bundle made here: its patches are applied while the simulator (or the WAL's power-loss test)
 * is bundled, so nothing of it can reach the build. Exits with 1 when one survives.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { INBOX_MUTANTS } from './mutants/inbox-mutants.js'
import { LARGE_MUTANTS } from './mutants/large-mutants.js'
import { type Mutant, patched } from './mutants/mutant.js'
import { SESSION_MUTANTS } from './mutants/session-mutants.js'
import { WAL_MUTANTS } from './mutants/wal-mutants.js'
import { WORLD_MUTANTS } from './mutants/world-mutants.js'

const FOLDER = resolve('dist/mutants')
/** A mutant may make the simulator run in circles. */
const RUN_MS_MAX = 600_000

/** A test file as a program: its tests run one after another, and the first failure ends it. */
const VITEST_AS_RUN: Plugin = {
  name: 'vitest-as-run',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: 'vitest', namespace: 'as-run' }))
    onLoad({ filter: /.*/, namespace: 'as-run' }, () => ({
      contents: `
        let last = Promise.resolve()
        export function test(name, options, body) {
          last = last.then(body ?? options).catch((error) => { console.error(error); process.exit(1) })
        }`,
    }))
  },
}

interface Result {
  readonly name: string
  readonly caught: boolean
  readonly seedsToCatch: number
  readonly checker: string
}

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
  },
})

const results: Result[] = []
mkdirSync(FOLDER, { recursive: true })
for (const mutant of [...WORLD_MUTANTS, ...INBOX_MUTANTS, ...LARGE_MUTANTS, ...SESSION_MUTANTS, ...WAL_MUTANTS]) {
  if (!mutant.name.includes(values.only)) continue
  const result = await run(mutant, Number(values.seeds))
  results.push(result)
  const verdict = result.caught
    ? `caught by ${result.checker} at seed ${result.seedsToCatch}`
    : `SURVIVED (${result.checker})`
  console.log(`${mutant.name.padEnd(52)} ${verdict}`)
}
rmSync(FOLDER, { recursive: true, force: true })
const caught = results.filter((result) => result.caught).length
console.log(`${caught} of ${results.length} mutants caught`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ mutants: results }, undefined, 2)}\n`)
process.exitCode = caught === results.length ? 0 : 1

async function run(mutant: Mutant, seeds: number): Promise<Result> {
  const bundle = join(FOLDER, 'mutant.js')
  await bundleWith(mutant, bundle)
  return mutant.harness === 'worlds' ? runWorlds(mutant, bundle, seeds) : runPowerLoss(mutant, bundle, seeds)
}

function runWorlds({ name }: Mutant, bundle: string, seeds: number): Result {
  const report = join(FOLDER, 'report.json')
  rmSync(report, { force: true })
  const args = [bundle, '--seeds', String(seeds), '--until-failure', '--json', report]
  const { signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: RUN_MS_MAX })
  if (signal !== null) return { name, caught: false, seedsToCatch: 0, checker: `no end: ${signal}` }
  try {
    const [failure] = JSON.parse(readFileSync(report, 'utf8')).failed as { seed: number; all: string[] }[]
    return {
      name,
      caught: failure !== undefined,
      seedsToCatch: failure?.seed ?? seeds,
      checker: failure?.all.join(', ') ?? '',
    }
  } catch {
    return { name, caught: false, seedsToCatch: 0, checker: `no report: ${stderr.slice(-500)}` }
  }
}

/** Twelve cuts to a seed; the test names the seed that failed. */
function runPowerLoss({ name }: Mutant, bundle: string, seeds: number): Result {
  const env = { ...process.env, PARLEY_CUTS: String(12 * seeds), PARLEY_SEED: '1' }
  const { signal, stderr, status } = spawnSync(process.execPath, [bundle], {
    encoding: 'utf8',
    timeout: RUN_MS_MAX,
    env,
  })
  const seed = Number(/PARLEY_SEED=(\d+)/.exec(stderr)?.[1] ?? 0)
  if (signal !== null || (status !== 0 && seed === 0)) {
    return { name, caught: false, seedsToCatch: 0, checker: `no end: ${signal ?? stderr.slice(-500)}` }
  }
  return { name, caught: seed > 0, seedsToCatch: seed || seeds, checker: 'power loss' }
}

async function bundleWith(mutant: Mutant, outfile: string): Promise<void> {
  const applied = new Set<string>()
  const patches: Plugin = {
    name: 'mutant',
    setup({ onLoad }) {
      for (const file of new Set(mutant.patches.map((patch) => patch.file))) {
        const path = resolve(file)
        onLoad({ filter: new RegExp(`${path.replace(/[.\\/]/g, '\\$&')}$`) }, () => {
          applied.add(file)
          const source = patched(mutant, file, readFileSync(path, 'utf8'))
          return { contents: source, loader: 'ts' }
        })
      }
    },
  }
  await build({
    entryPoints: [mutant.harness === 'worlds' ? 'test/sim/main.ts' : 'test/wal/power-loss.test.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    plugins: [patches, VITEST_AS_RUN],
  })
  for (const { file } of mutant.patches) {
    if (!applied.has(file)) throw new Error(`${mutant.name}: ${file} is not part of the ${mutant.harness} bundle`)
  }
}
